"""Script the stand-in: latencies, rate limits, replies, and faults such as a refusal, a hang or a cut connection."""

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from starlette.responses import Response

from .openai.errors import RefusedError

Path = Literal["chat/completions", "embeddings", "images/generations", "responses", "models"]
FaultKind = Literal["refuse", "hang", "cut", "half", "garbage"]


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault that one call meets instead of its answer.

    Attributes:
        kind: ``refuse`` answers with an error, ``hang`` waits before the answer, ``cut`` closes the connection halfway,
            ``half`` sends half a body, ``garbage`` sends an HTML page.
        status: HTTP status of a refusal.
        code: Error code of a refusal.
        headers: Headers of a refusal.
        path: Path that the fault is for; empty for any.
        seconds: Seconds that ``hang`` waits.
    """

    kind: FaultKind = "refuse"
    status: int = 500
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""
    seconds: float = 600.0


@dataclass(slots=True)
class Script:
    """The scripted behaviour of the stand-in, and a record of the calls.

    Attributes:
        faults: Faults of the next calls, in order.
        replies: Replies of the chat models, in order; without one, the stand-in writes its own.
        latency: Seconds that a call takes, by path.
        per_text: Further seconds for each text of an embeddings request.
        is_plain: Whether ``images/generations`` draws the same card for every prompt.
        rate: Calls that are accepted in a second, and in one burst (a token bucket); 0 for no limit.
        failing_share: Share of the calls that fail with HTTP 500, from 0 to 1.
        tokens_left: Content of the token bucket.
        refilled_at: Time at which the bucket was last filled.
        calls: Path and body of each call.
        running: Calls that run now, by path.
        peak: Highest number of calls that ran at the same time, by path.
    """

    faults: deque[Fault] = field(default_factory=deque)
    replies: deque[str] = field(default_factory=deque)
    latency: dict[str, float] = field(default_factory=dict)
    per_text: float = 0.0
    is_plain: bool = False
    rate: float = 0.0
    failing_share: float = 0.0
    tokens_left: float = 0.0
    refilled_at: float = 0.0
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    running: Counter[str] = field(default_factory=Counter)
    peak: Counter[str] = field(default_factory=Counter)
    _chance: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - chooses the calls that fail

    def reset(self) -> None:
        """Restore the initial state."""
        for collection in (self.faults, self.replies, self.latency, self.calls, self.running, self.peak):
            collection.clear()
        self.is_plain = False
        self.per_text = self.rate = self.failing_share = self.tokens_left = self.refilled_at = 0.0

    def limit(self) -> Fault | None:
        """Return the fault of a call that exceeds ``rate`` or belongs to the failing share, or None."""
        current_time = time.monotonic()
        if self.rate:
            self.tokens_left = min(self.rate, self.tokens_left + (current_time - self.refilled_at) * self.rate)
            self.refilled_at = current_time
            if self.tokens_left < 1:
                return Fault(status=429, code="rate_limit_exceeded", headers={"retry-after": "1"})
            self.tokens_left -= 1
        return Fault() if self.failing_share and self._chance.random() < self.failing_share else None

    async def wait(self, path: str, body: dict[str, Any]) -> None:
        """Wait as long as a call takes.

        Args:
            path: Path of the call.
            body: Body of the call; its texts count for embeddings.
        """
        texts = len(body["input"]) if path == "embeddings" and isinstance(body.get("input"), list) else 0
        seconds = self.latency.get(path, 0.0) + texts * self.per_text
        if seconds:
            await asyncio.sleep(seconds)

    def fault(self, path: str) -> Fault | None:
        """Remove and return the next fault for ``path``, or None."""
        for fault in list(self.faults):
            if fault.path in {"", path}:
                self.faults.remove(fault)
                return fault
        return None


async def apply_fault(fault: Fault, answer: Response, sent: str) -> Response:
    """Return the response of a call that meets ``fault``.

    Args:
        fault: The fault.
        answer: Response that the call would have received.
        sent: Body of the request. A refusal's message repeats its start, as OpenAI's messages repeat the request.

    Returns:
        The response.

    Raises:
        RefusedError: The fault is a refusal.
    """
    if fault.kind == "hang":
        await asyncio.sleep(fault.seconds)
        return answer
    content = bytes(getattr(answer, "body", b"{}"))
    if fault.kind == "half":
        return Response(content[: len(content) // 2], media_type="application/json")
    if fault.kind == "garbage":
        return Response("<html>It works!</html>", media_type="text/html")
    if fault.kind == "cut":
        return _CutResponse(content)
    error = RefusedError(fault.status, fault.code, f"scripted; you sent {sent[:200]}")
    return error.response(fault.headers)


class _CutResponse(Response):
    """A response that announces its whole body and sends half of it, so that the server closes the connection."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content[: len(content) // 2], media_type="application/json")
        self.headers["content-length"] = str(len(content))
