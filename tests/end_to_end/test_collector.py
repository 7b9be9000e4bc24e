"""A logged version in a worker of Spark and elsewhere: what of the process later collections look at."""

import gc
import sys
import weakref
from collections.abc import Iterator
from types import SimpleNamespace

import mlflow
import pytest

QUESTION = {"qa": {"question": "Tell me about LangChain."}}


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    """Start and end with a collector that looks at everything."""
    gc.unfreeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize(("task", "is_spared"), [(object(), True), (None, False)])
def test_collector_is_spared_after_the_first_batch_of_a_task_of_spark(
    task: object, is_spared: bool, logged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = SimpleNamespace(TaskContext=SimpleNamespace(get=lambda: task))
    monkeypatch.setitem(sys.modules, "pyspark.taskcontext", context)
    model = mlflow.pyfunc.load_model(logged)
    assert gc.get_freeze_count() == 0
    model.predict(QUESTION)
    frozen = gc.get_freeze_count()
    assert (frozen > 10_000) is is_spared
    model.predict(QUESTION)
    assert gc.get_freeze_count() == pytest.approx(frozen, rel=0.01)  # what was frozen and is gone no longer counts


def test_version_of_a_later_task_is_collected(logged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    context = SimpleNamespace(TaskContext=SimpleNamespace(get=object))
    monkeypatch.setitem(sys.modules, "pyspark.taskcontext", context)

    def run_task() -> "weakref.ref[object]":
        model = mlflow.pyfunc.load_model(logged)
        model.predict(QUESTION)
        return weakref.ref(model.unwrap_python_model()._retriever.index)  # noqa: SLF001 - what holds the files

    first, *later = [run_task() for _ in range(4)]
    mlflow.pyfunc.load_model(logged)  # MLflow keeps the last one that was loaded
    gc.collect()
    assert first() is not None
    assert [index() for index in later] == [None] * 3


def test_collector_is_not_spared_where_spark_was_never_imported(logged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pyspark.taskcontext", raising=False)
    mlflow.pyfunc.load_model(logged).predict(QUESTION)
    assert gc.get_freeze_count() == 0
