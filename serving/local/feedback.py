"""Record a person's assessment of an answer in the answer's MLflow trace."""

import os

from tenacity import Retrying, stop_after_delay, wait_fixed

from ..errors import ServingError

GOOD_ASSESSMENT, EXPECTED_ASSESSMENT = "good", "expected_response"
"""Names of the assessments: whether an answer is good, and the expected answer."""

_MAX_WAIT_SECONDS = 5.0
"""For how long a trace is looked for that a server has not written yet."""


def enable_tracing() -> None:
    """Trace every later request in this process, and write each trace before its answer is returned."""
    os.environ |= {"MULTICHAIN_TRACES": "1", "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false"}


def record_feedback(trace: str, rationale: str, expected: str = "", *, good: bool, user: str = "") -> None:
    """Record whether an answer is good in its trace.

    Args:
        trace: Id of the trace, from ``meta.trace_id`` of the response.
        rationale: Why the answer is good or bad.
        expected: The expected answer; empty when not given.
        good: The assessment.
        user: Who assesses; empty for the user of this process.

    Raises:
        ServingError: The answer has no trace, or the tracking store does not contain the trace.
    """
    if not trace:
        raise ServingError(
            "the answer has no trace; set MULTICHAIN_TRACES=1 in the server's environment, so that requests are traced"
        )
    import mlflow  # takes two seconds to import
    from mlflow.entities import AssessmentSource
    from mlflow.exceptions import MlflowException
    from mlflow.tracking.context.registry import resolve_tags

    user = user or resolve_tags().get("mlflow.user") or "unknown"
    source = AssessmentSource(source_type="HUMAN", source_id=user)
    mlflow.flush_trace_async_logging()
    try:
        for attempt in Retrying(stop=stop_after_delay(_MAX_WAIT_SECONDS), wait=wait_fixed(0.5), reraise=True):
            with attempt:  # a server writes a trace shortly after the answer
                mlflow.log_feedback(
                    trace_id=trace, name=GOOD_ASSESSMENT, value=good, rationale=rationale or None, source=source
                )
        if expected:
            mlflow.log_expectation(trace_id=trace, name=EXPECTED_ASSESSMENT, value=expected, source=source)
    except MlflowException:
        raise ServingError(
            f"the trace {trace} is not in {mlflow.get_tracking_uri()}; set MLFLOW_TRACKING_URI to the store to which "
            "the server writes its traces"
        ) from None
