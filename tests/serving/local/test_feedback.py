"""Assessments of an answer at its trace in MLflow: names, source, rationale, and a trace that comes late."""

import os
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest

from serving.errors import ServingError
from serving.local import feedback
from serving.local.feedback import enable_tracing, record_feedback


@pytest.fixture
def trace(store: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the id of a trace in an experiment of its own."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", mlflow.create_experiment(str(request.node.nodeid)))
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    with mlflow.start_span("answer") as span:
        span.set_outputs("42")
    return str(span.trace_id)


def read_assessments(trace: str) -> dict[str, tuple[Any, str | None, str, str]]:
    """Return value, rationale, and type and name of the source of each assessment, by name."""
    stored_trace = mlflow.get_trace(trace)
    assert stored_trace is not None
    return {
        assessment.name: (
            assessment.feedback.value if assessment.feedback else assessment.expectation.value,
            assessment.rationale,
            assessment.source.source_type,
            assessment.source.source_id,
        )
        for assessment in stored_trace.info.assessments
    }


def test_good_answer_is_recorded_with_person_and_reason(trace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    record_feedback(trace, "it is right", good=True)
    assert read_assessments(trace) == {"good": (True, "it is right", "HUMAN", "anna")}


def test_bad_answer_is_recorded_with_the_expected_answer(trace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    record_feedback(trace, "", "43", good=False)
    assert read_assessments(trace) == {
        "good": (False, None, "HUMAN", "anna"),
        "expected_response": ("43", None, "HUMAN", "anna"),
    }


def test_trace_that_a_server_writes_late_is_awaited(trace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    log_feedback, attempts = mlflow.log_feedback, []

    def fail_once(**values: Any) -> Any:
        attempts.append(values["trace_id"])
        if len(attempts) < 2:
            raise mlflow.MlflowException("Trace not found")
        return log_feedback(**values)

    monkeypatch.setattr(mlflow, "log_feedback", fail_once)
    record_feedback(trace, "", good=True)
    assert attempts == [trace, trace]
    assert read_assessments(trace).keys() == {"good"}


def test_trace_that_never_comes_is_reported_with_the_store(
    trace: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "_MAX_WAIT_SECONDS", 0.7)
    started = time.monotonic()
    with pytest.raises(ServingError) as caught:
        record_feedback("tr-none", "", "43", good=False)
    assert 0.5 <= time.monotonic() - started < 5
    assert caught.value.message == (
        f"the trace tr-none is not in sqlite:///{store}/mlflow.db; set MLFLOW_TRACKING_URI to the store to which the "
        "server writes its traces"
    )


def test_answer_without_a_trace_names_the_setting() -> None:
    with pytest.raises(ServingError) as caught:
        record_feedback("", "why", "43", good=False)
    assert caught.value.message == (
        "the answer has no trace; set MULTICHAIN_TRACES=1 in the server's environment, so that requests are traced"
    )


def test_enabled_tracing_writes_each_trace_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_TRACES", "0.5")  # both are restored after the test
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "true")
    enable_tracing()
    assert (os.environ["MULTICHAIN_TRACES"], os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"]) == ("1", "false")
