"""A person's word on an answer, kept at its trace in MLflow."""

import os

from tenacity import Retrying, stop_after_delay, wait_fixed

from ..errors import ServingError

GOOD_ASSESSMENT, EXPECTED_ASSESSMENT = "good", "expected_response"
"""The names of assessments: whether an answer is good, and what it should have been."""


_MAX_WAIT_SECONDS = 5.0  # seconds


def enable_tracing() -> None:
    """From here on each request that is answered in this process is a trace, which is there when it is answered."""
    os.environ |= {"MULTICHAIN_TRACES": "1", "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false"}


def record_feedback(trace: str, rationale: str, expected: str = "", *, good: bool) -> None:
    """Keeps that the answer of ``trace`` is good or bad, ``why``, and what was expected. Raises ServingError."""
    if not trace:
        raise ServingError(
            "the answer has no trace to mark; set MULTICHAIN_TRACES=1 where the server runs, so that it traces requests"
        )
    import mlflow  # two seconds, which a REST target need not pay
    from mlflow.entities import AssessmentSource
    from mlflow.exceptions import MlflowException
    from mlflow.tracking.context.registry import resolve_tags

    source = AssessmentSource(source_type="HUMAN", source_id=resolve_tags().get("mlflow.user") or "unknown")
    mlflow.flush_trace_async_logging()
    try:
        for attempt in Retrying(stop=stop_after_delay(_MAX_WAIT_SECONDS), wait=wait_fixed(0.5), reraise=True):
            with attempt:  # a server writes its traces a moment after it answered
                mlflow.log_feedback(
                    trace_id=trace, name=GOOD_ASSESSMENT, value=good, rationale=rationale or None, source=source
                )
        if expected:
            mlflow.log_expectation(trace_id=trace, name=EXPECTED_ASSESSMENT, value=expected, source=source)
    except MlflowException:
        raise ServingError(
            f"the trace {trace} is not in {mlflow.get_tracking_uri()}; set MLFLOW_TRACKING_URI to where the server "
            "writes its traces"
        ) from None
