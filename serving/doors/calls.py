"""What the server notes of each call: who called which door, what came of each stage, and what it cost.

A call is noted once as a line of JSON in the audit log, and counted in metrics for Prometheus. Questions and answers
are in neither, unless the audit log is told to contain the question.
"""

import json
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..errors import find_code

audit_log = logging.getLogger("multichain.audit")
_SECONDS_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


@dataclass(slots=True)
class Call:
    """One request to a door.

    Attributes:
        door: Which door: ``page``, ``mcp``, ``openai``, ``invocations``, ``stream``, …
        client: Name of the caller's token, or the caller's address.
        workspace_token: The caller's own token of the workspace; empty when a proxy passed none.
        version: The version that answered.
        outcomes: For each stage that ran or failed, ``ok`` or the code of its error.
        dollars: What the call cost.
        question: The request's texts, where they are to be noted.
    """

    door: str
    client: str
    workspace_token: str = ""
    version: str = ""
    outcomes: dict[str, str] = field(default_factory=dict)
    dollars: float = 0.0
    question: Any = None


CURRENT_CALL: ContextVar[Call | None] = ContextVar("call", default=None)


class CallRecorder:
    """Counts calls and writes the audit log."""

    def __init__(self, *, notes_questions: bool = False) -> None:
        self._notes_questions = notes_questions
        self._registry = CollectorRegistry()
        self._requests = Counter("multichain_requests", "Requests.", ["door", "status"], registry=self._registry)
        self._seconds = Histogram(
            "multichain_seconds", "Duration of a request.", ["door"], buckets=_SECONDS_BUCKETS, registry=self._registry
        )
        self._stages = Counter(
            "multichain_stages", "Stages that ran or failed.", ["stage", "outcome"], registry=self._registry
        )
        self._tokens = Counter("multichain_tokens", "Tokens of chat models.", ["direction"], registry=self._registry)
        self._dollars = Counter("multichain_dollars", "Cost in US dollars.", registry=self._registry)
        self._in_flight = Gauge("multichain_in_flight", "Requests under way.", registry=self._registry)

    def begin(self) -> float:
        """Note that a request begins, and return the time."""
        self._in_flight.inc()
        return time.perf_counter()

    def end(self, call: Call, status: int, started: float) -> None:
        """Note the end of a request.

        Args:
            call: The request.
            status: HTTP status of the answer; 0 when the client went before.
            started: What ``begin`` returned.
        """
        seconds = time.perf_counter() - started
        self._in_flight.dec()
        self._requests.labels(call.door, status).inc()
        self._seconds.labels(call.door).observe(seconds)
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "door": call.door,
            "client": call.client,
            "status": status,
            "seconds": round(seconds, 3),
            "version": call.version,
            "stages": call.outcomes,
            "dollars": round(call.dollars, 6),
        }
        question = {"question": call.question} if self._notes_questions and call.question is not None else {}
        audit_log.info("%s", json.dumps(line | question, ensure_ascii=False))

    def note_request(self, request: Any) -> None:
        """Note what was asked, where the audit log is to contain it."""
        call = CURRENT_CALL.get()
        if call is not None and self._notes_questions:
            call.question = request

    def note_response(self, response: Any) -> None:
        """Note what came of each stage of a response; other values are passed over."""
        if not isinstance(response, Mapping) or not isinstance(response.get("meta"), Mapping):
            return
        call = CURRENT_CALL.get() or Call("none", "")
        call.version = str(response["meta"].get("version", ""))
        for name, fields in response.items():
            if name != "meta" and (fields["ran"] or fields["error"]):
                self._note_stage(call, name, fields)

    async def note_events(self, events: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
        """Yield the events of a request, and note the response that the last one contains."""
        async with aclosing(events):
            async for event in events:
                self.note_response(event.get("response"))
                yield event

    def _note_stage(self, call: Call, name: str, fields: Mapping[str, Any]) -> None:
        outcome = find_code(str(fields["error"])) if fields["error"] else "ok"
        if call.outcomes.get(name, "ok") == "ok":  # of several rows, the first failure is noted
            call.outcomes[name] = outcome
        self._stages.labels(name, outcome).inc()
        usage = fields["usage"]
        self._tokens.labels("input").inc(usage["input_tokens"])
        self._tokens.labels("output").inc(usage["output_tokens"])
        self._dollars.inc(usage["cost"])
        call.dollars += usage["cost"]

    def format_metrics(self) -> bytes:
        """Return all metrics in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)
