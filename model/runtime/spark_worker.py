"""Spare the garbage collector of a Python worker of Spark what lives as long as the worker."""

import gc
import sys
from typing import Any


def is_spark_worker() -> bool:
    """Return whether this process runs a task of Spark, which answers batch after batch."""
    module: Any = sys.modules.get("pyspark.taskcontext")
    return module is not None and module.TaskContext.get() is not None


def spare_collector() -> None:
    """Leave what exists now out of later collections (``gc.freeze``), unless that was done in this process.

    After its first batch, a worker holds the libraries of a version: hundreds of thousands of objects, each of which a
    full collection looks at, which took a fifth of the time of two partitions. It is done once, since MLflow loads the
    version again for each task, and a frozen version would keep its files open. A notebook is no such process: garbage
    that exists there now would stay.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
