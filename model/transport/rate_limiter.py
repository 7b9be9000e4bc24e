"""Limit how fast an operation calls its provider: to what a profile and the endpoint allow.

Calls start in the order in which they were requested. The number of concurrent calls starts at the configured one,
falls by a fifth on time-outs, overload and rising latency, and grows by one for each round that is answered (additive
increase, multiplicative decrease: Chiu & Jain, 1989). A 429 tells about a rate and not about concurrency, so it sets a
rate: the number of answers of the last second, a tenth less at each further 429, growing slowly otherwise. Calls also
wait for limits per minute and for headers that say that nothing is left (docs/decisions.md).
"""

import asyncio
import math
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from pydantic import ConfigDict

from ..config import environment
from ..config.settings import Count, PositiveCount
from ..runtime import loop_resources
from . import worker_share
from .error_mapping import TOO_MANY, http_status, is_no_response
from .retry import requested_wait

_BURST_SECONDS = 10.0
"""Seconds of a minute's allowance that may be used at once."""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The setting ``pace`` of a provider.

    Attributes:
        concurrency: Largest number of calls in flight.
        requests_per_minute: Requests that may start in a minute; 0 for no limit.
        tokens_per_minute: Tokens that may be sent in a minute; 0 for no limit.
        images_per_minute: Images that may be requested in a minute; 0 for no limit.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # a profile's setting

    concurrency: PositiveCount = 16
    requests_per_minute: Count = 0
    tokens_per_minute: Count = 0
    images_per_minute: Count = 0

    @property
    def buckets(self) -> "tuple[TokenBucket, TokenBucket, TokenBucket]":
        """Return a bucket each for requests, tokens and images, shared out over the worker processes."""
        limits = (self.requests_per_minute, self.tokens_per_minute, self.images_per_minute)
        workers = environment.WORKERS.read()
        requests, tokens, images = (TokenBucket(limit / workers) for limit in limits)
        return requests, tokens, images


class TokenBucket:
    """The remaining part of an allowance per minute (a token bucket). An allowance of 0 is unlimited."""

    def __init__(self, per_minute: float) -> None:
        self._per_second = per_minute / 60 or math.inf
        self._capacity = max(1.0, self._per_second * _BURST_SECONDS)
        self._available, self._updated_at = self._capacity, -math.inf

    def wait(self, amount: float, time: float) -> float:
        """Return the seconds until ``amount`` may be used.

        An amount larger than the bucket waits for a full bucket.

        Args:
            amount: Requests, tokens or images.
            time: The event loop's time in seconds.

        Returns:
            Seconds; 0 when the amount may be used now.
        """
        if self._per_second == math.inf:
            return 0.0
        self._available = min(self._capacity, self._available + max(0.0, time - self._updated_at) * self._per_second)
        self._updated_at = time
        return max(0.0, (min(amount, self._capacity) - self._available) / self._per_second)

    def use(self, amount: float) -> None:
        """Use ``amount``, even beyond what is left."""
        self._available -= amount

    def scale(self, factor: float) -> None:
        """Change the allowance to so many times what it was."""
        self._per_second *= factor
        self._capacity = max(1.0, self._per_second * _BURST_SECONDS)


_CONCURRENCY_FACTOR, _RATE_FACTOR, _RATE_GROWTH = 0.8, 0.9, 0.05
_OVERLOAD_STATUSES = {408, 503, 504, 529}
_LATENCY_RATIO, _SHORT_RUN, _LONG_RUN = 2.0, 8, 64
"""Latency that has risen: the mean of a few answers is so many times the mean of many."""
_LONG_WAIT, _MAX_PAUSE = 2.0, 10.0
"""Seconds asked for by a 429, from which nobody asks, below which the rate tells more; and the most that all wait."""
_DURATION = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

_CURRENT_LIMITER: ContextVar["AdaptiveLimiter | None"] = ContextVar("pace", default=None)


class AdaptiveLimiter:
    """The slots of one operation on one event loop."""

    def __init__(self, rates: RateLimits) -> None:
        self._max_concurrency, self._buckets = rates.concurrency, rates.buckets
        self._share, self._workers = worker_share.open_share(), environment.WORKERS.read()
        self.limit, self.rate = float(rates.concurrency), math.inf
        """How many calls may run at once, and how many may start in a second."""
        self._running, self._turn_lock, self._slot_freed = 0, asyncio.Lock(), asyncio.Event()
        self._next_start = self._paused_until = self._reduced_at = self._slowed_at = -math.inf
        self._answers: deque[float] = deque()
        self._answer_count, self._short_latency, self._long_latency = 0, 0.0, 0.0

    def acquire(self, tokens: int = 0, images: int = 0) -> AbstractAsyncContextManager[None]:
        """Wait for a slot, and learn from how the call inside ends.

        Args:
            tokens: Tokens of the call, for the limit per minute.
            images: Images of the call, for the limit per minute.
        """
        turn = self._take_turn((1, tokens, images))
        return self._share.note_calls(turn) if self._share else turn

    @asynccontextmanager
    async def _take_turn(self, amounts: tuple[int, ...]) -> AsyncIterator[None]:
        async with self._turn_lock:
            while wait := self._seconds_to_wait(amounts):
                self._slot_freed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._limit_wait(wait)):
                        await self._slot_freed.wait()
            start = self._start_call(amounts)
        token = _CURRENT_LIMITER.set(self)
        try:
            yield
        except Exception as error:
            self._record_failure(error, start)
            raise
        else:
            self._record_answer(start)
        finally:
            _CURRENT_LIMITER.reset(token)
            self._running -= 1
            self._slot_freed.set()

    def _seconds_to_wait(self, amounts: tuple[int, ...]) -> float:
        """Return the seconds until a call of these amounts may start; infinite until another call ends."""
        if self._running >= max(1, int(self.limit)):
            return math.inf
        self._share_limits()
        time = _loop_time()
        minutely = (bucket.wait(amount, time) for bucket, amount in zip(self._buckets, amounts, strict=True))
        return max(self._paused_until - time, self._next_start - time, 0.0, *minutely)

    def _limit_wait(self, wait: float) -> float | None:
        """Return after how many seconds to look again; None where only the end of a call changes anything."""
        if wait == math.inf:
            return None
        return min(wait, worker_share.INTERVAL) if self._share else wait

    def _share_limits(self) -> None:
        """Change the limits per minute to this process's part of them, where the number of processes has changed."""
        if self._share and self._share.workers != self._workers:
            for bucket in self._buckets:
                bucket.scale(self._workers / self._share.workers)
            self._workers = self._share.workers

    def _start_call(self, amounts: tuple[int, ...]) -> float:
        time = _loop_time()
        for bucket, amount in zip(self._buckets, amounts, strict=True):
            bucket.use(amount)
        self._running += 1
        self._next_start = time + 1 / self.rate
        return time

    def _record_answer(self, start: float) -> None:
        time = _loop_time()
        self._answers.append(time)
        while self._answers[0] < time - 1:
            self._answers.popleft()
        self.rate += _RATE_GROWTH
        self.limit = min(self._max_concurrency, self.limit + 1 / self.limit)
        self._answer_count += 1
        self._short_latency += (time - start - self._short_latency) / min(self._answer_count, _SHORT_RUN)
        self._long_latency += (time - start - self._long_latency) / min(self._answer_count, _LONG_RUN)
        if self._short_latency > _LATENCY_RATIO * self._long_latency:
            self._reduce_concurrency(start, self._max_concurrency / 2)

    def _record_failure(self, error: Exception, start: float) -> None:
        if http_status(error) == TOO_MANY:
            self._reduce_rate(error, start)
        elif http_status(error) in _OVERLOAD_STATUSES or is_no_response(error):
            self._reduce_concurrency(start)

    def _reduce_concurrency(self, start: float, minimum: float = 1.0) -> None:
        """Allow fewer calls at once, not below ``minimum``.

        A call that started before the last reduction tells nothing new.
        """
        if start > self._reduced_at:
            self._reduced_at, self.limit = _loop_time(), max(min(minimum, self.limit), self.limit * _CONCURRENCY_FACTOR)

    def _reduce_rate(self, error: Exception, start: float) -> None:
        """Lower the rate, and pause when the server asks for a long wait."""
        wait = requested_wait(error) or 0.0
        if wait > _LONG_WAIT:
            self._pause_calls(wait)
        if start > self._slowed_at:
            self._slowed_at = _loop_time()
            recent_answers = sum(when > self._slowed_at - 1 for when in self._answers)
            self.rate = max(
                1.0, recent_answers if self.rate == math.inf else min(self.rate * _RATE_FACTOR, max(recent_answers, 1))
            )

    def observe_headers(self, headers: Mapping[str, str]) -> None:
        """Pause when a response's headers say that nothing is left (OpenAI's x-ratelimit-…)."""
        for resource in ("requests", "tokens"):
            if headers.get(f"x-ratelimit-remaining-{resource}") == "0":
                self._pause_calls(_parse_duration(headers.get(f"x-ratelimit-reset-{resource}", "")))

    def _pause_calls(self, seconds: float) -> None:
        """Start no call for ``seconds``, at most for as long as is bearable; then one call tries."""
        self._paused_until = max(self._paused_until, _loop_time() + min(seconds, _MAX_PAUSE))


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of call (chat, embeddings, images, search) to a provider, with the limits of the profile."""

    kind: str
    provider: str
    limits: RateLimits = field(default_factory=RateLimits)

    def acquire(
        self, count_tokens: Callable[[], int] = lambda: 0, images: int = 0
    ) -> AbstractAsyncContextManager[None]:
        """Wait for a slot of this operation on the running event loop.

        The first caller creates the limiter. All entries of a profile with the same operation have the same limits:
        profile.py passes a pace on to entries without one, and profile_validation.py refuses different ones.

        Args:
            count_tokens: Returns the tokens of the call; called only where their number is limited.
            images: Images of the call.

        Returns:
            A context in which the call is made.
        """
        pace: AdaptiveLimiter = loop_resources.get_or_create_sync(
            ("pace", self.kind, self.provider), lambda: AdaptiveLimiter(self.limits)
        )
        return pace.acquire(count_tokens() if self.limits.tokens_per_minute else 0, images)


def observe_headers(headers: Mapping[str, str]) -> None:
    """Pass the headers of a response to the limiter of the running call."""
    pace = _CURRENT_LIMITER.get()
    if pace:
        pace.observe_headers(headers)


def _parse_duration(text: str) -> float:
    """Return the seconds of a duration such as 6m0s or 250ms; 0 for any other text."""
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(text))


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
