"""The five doors of a version, as functions from requests to answers: what MLflow's own users call."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import mlflow
import pytest
import requests
from mlflow.exceptions import MlflowException

Row = dict[str, Any]
STAGES = ("qa", "image_generation")


class RefusedError(Exception):
    """The door refused the whole request; the text is what it said."""


def as_one(model: mlflow.pyfunc.PyFuncModel, row: Row) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The in-process forms of one request."""
    yield "load_model, dict", lambda: _predicted(model, row)


def as_rows(model: mlflow.pyfunc.PyFuncModel, rows: list[Row]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The in-process forms of several requests."""
    yield "load_model, list", lambda: _predicted(model, rows)
    yield "load_model, frame", lambda: _predicted(model, frame(rows))


def posted_as_one(url: str, row: Row) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The REST bodies that hold one request."""
    yield "inputs, dict", lambda: posted(url, {"inputs": row})
    yield "instances, dict", lambda: posted(url, {"instances": row})


def posted_as_rows(url: str, rows: list[Row]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The REST bodies that hold several requests."""
    columns = sorted({name for row in rows for name in row})
    data = [[row.get(name) for name in columns] for row in rows]
    yield "inputs, list", lambda: posted(url, {"inputs": rows})
    yield "dataframe_records", lambda: posted(url, {"dataframe_records": rows})
    yield "dataframe_split", lambda: posted(url, {"dataframe_split": {"columns": columns, "data": data}})


def predicted_offline(uri: str, given: object, folder: Path) -> Any:
    """``mlflow.models.predict``, which writes its answer to a file."""
    answer = folder / "answer.json"
    try:
        mlflow.models.predict(uri, input_data=given, env_manager="local", output_path=str(answer))
    except MlflowException as error:
        raise RefusedError(error.message.rpartition("Error: ")[2].strip()) from None
    return json.loads(answer.read_text("utf-8"))["predictions"]


def frame(rows: list[Row]) -> Any:
    """The rows as a DataFrame with a column for each stage."""
    import pandas as pd

    return pd.DataFrame({name: [row.get(name) for row in rows] for name in sorted({n for row in rows for n in row})})


@contextmanager
def serving(uri: str, folder: Path, **environment: str) -> Iterator[str]:
    """The address of ``python -m serving up``, run in ``folder``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "serving", "up", "--target", uri, "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=subprocess.DEVNULL)
    try:
        while not _up(url):
            assert process.poll() is None
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait()


def _up(url: str) -> bool:
    try:
        return requests.get(f"{url}/ping", timeout=1).ok
    except requests.RequestException:
        return False


def spark_session() -> Any:
    """A small local Spark, whose workers use this Python; without Java the test is skipped, or in CI fails."""
    if shutil.which("java") is None:
        if os.environ.get("CI"):
            pytest.fail("Spark needs Java 17, and CI must have it")
        pytest.skip("Spark needs Java 17, and there is none")
    from pyspark.sql import SparkSession

    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    settings = {"spark.ui.enabled": "false", "spark.log.level": "ERROR", "spark.sql.shuffle.partitions": "1"}
    settings["spark.sql.warehouse.dir"] = str(Path(tempfile.gettempdir(), "spark-warehouse"))  # not where tests start
    return SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()


def in_spark(spark: Any, udf: Any, rows: list[Row]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The ways to call the function in Spark: a column for each stage, or one struct of them."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StringType, StructField, StructType

    names = sorted({*STAGES, *(name for row in rows for name in row)})
    absent = StructType([StructField("question", StringType()), StructField("prompt", StringType())])
    columns = {name: [row.get(name) for row in rows] for name in names}
    fields = [StructField(name, _spark_type(cells) if any(cells) else absent) for name, cells in columns.items()]
    given = [(number, *(row.get(name) for name in names)) for number, row in enumerate(rows)]
    table = spark.createDataFrame(given, StructType([StructField("n", StringType()), *fields]))

    def collected(column: Any) -> list[Any]:
        return [row["r"].asDict(recursive=True) for row in table.select("n", column.alias("r")).orderBy("n").collect()]

    yield "spark_udf, two columns", lambda: collected(udf(*STAGES))
    yield "spark_udf, one struct", lambda: collected(udf(F.struct(*names)))


def _predicted(model: mlflow.pyfunc.PyFuncModel, given: object) -> Any:
    try:
        return model.predict(deepcopy(given))
    except MlflowException as error:
        raise RefusedError(error.message) from None


def posted(url: str, body: Row) -> Any:
    """The answer to a REST body."""
    reply = requests.post(f"{url}/invocations", json=body, timeout=60)
    told = reply.json()
    if reply.status_code == requests.codes.bad_request:
        raise RefusedError(told["message"].rpartition("Error: ")[2].strip())
    return told["predictions"]


def _spark_type(cells: list[Any]) -> Any:
    """The Spark type of a column or field that holds these."""
    from pyspark.sql import types

    known = [cell for cell in cells if cell is not None]
    if known and isinstance(known[0], dict):
        names = sorted({name for cell in known for name in cell}) or ["question"]
        return types.StructType([types.StructField(n, _spark_type([cell.get(n) for cell in known])) for n in names])
    if known and isinstance(known[0], list):
        return types.ArrayType(_spark_type(known[0]))
    simple = {bool: types.BooleanType, int: types.LongType, float: types.DoubleType, str: types.StringType}
    return simple[type(known[0])]() if known else types.StringType()
