"""What the stand-in shall do before it answers: wait, refuse, hang, cut the connection, send half an answer."""

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
    """What one call gets instead of an answer; ``path`` empty is any."""

    kind: FaultKind = "refuse"
    status: int = 500
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""
    seconds: float = 600.0


@dataclass(slots=True)
class Script:
    """Faults in order, replies of the chat models in order, latencies by path in seconds; and what was asked.

    ``rate`` allows so many calls a second, and as many at once (a token bucket); ``failing`` is the share that fails.
    A ``plain`` one draws the same card for all.
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
    _chance: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - which calls fail

    def reset(self) -> None:
        """As new."""
        for collection in (self.faults, self.replies, self.latency, self.calls, self.running, self.peak):
            collection.clear()
        self.is_plain = False
        self.per_text = self.rate = self.failing_share = self.tokens_left = self.refilled_at = 0.0

    def limit(self) -> Fault | None:
        """What a call gets that is one too many for the rate, or one of those that fail."""
        current_time = time.monotonic()
        if self.rate:
            self.tokens_left = min(self.rate, self.tokens_left + (current_time - self.refilled_at) * self.rate)
            self.refilled_at = current_time
            if self.tokens_left < 1:
                return Fault(status=429, code="rate_limit_exceeded", headers={"retry-after": "1"})
            self.tokens_left -= 1
        return Fault() if self.failing_share and self._chance.random() < self.failing_share else None

    async def wait(self, path: str, body: dict[str, Any]) -> None:
        """The latency of that path: ``per_text`` more for each text of an embeddings request."""
        texts = len(body["input"]) if path == "embeddings" and isinstance(body.get("input"), list) else 0
        seconds = self.latency.get(path, 0.0) + texts * self.per_text
        if seconds:
            await asyncio.sleep(seconds)

    def fault(self, path: str) -> Fault | None:
        """The next fault that is for this path."""
        for fault in list(self.faults):
            if fault.path in {"", path}:
                self.faults.remove(fault)
                return fault
        return None


async def apply_fault(fault: Fault, answer: Response, sent: str) -> Response:
    """What the caller gets for ``fault``, in place of ``answer``. Raises RefusedError for a refusal.

    As with the real one, the refusal's message repeats what was ``sent``.
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
    """Announces all and sends half: the connection is then closed."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content[: len(content) // 2], media_type="application/json")
        self.headers["content-length"] = str(len(content))
