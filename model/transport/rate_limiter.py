"""How fast an endpoint kind is asked: what a profile allows, and what the endpoint turns out to allow.

Calls begin in the order in which they were asked for. How many run at once starts at the configured number, falls by
a fifth on time-outs, overload and rising latency, and grows by one for each round that is answered (additive increase,
multiplicative decrease: Chiu & Jain, 1989). A 429 tells of a rate and not of a number at once, so it sets one: what
was answered in the last second, a tenth less at each further 429, growing slowly otherwise. Headers that say that
nothing is left, and limits for each minute, hold calls back as well (docs/decisions.md).
"""

import asyncio
import math
import os
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from typing import Self

from ..config.arguments import meant
from ..errors import ProfileError, SettingError
from ..runtime import loop_resources
from .error_mapping import TOO_MANY, is_lost, status
from .retry import asked_to_wait

WORKERS = "MULTICHAIN_WORKERS"
"""How many processes share what is allowed each minute: the partitions that a Spark job runs at once, say."""
_BURST = 10.0
"""Seconds of a minute's allowance that may be used at once."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The settings ``pace`` of a provider's entry; 0 is no limit."""

    concurrency: int = 16
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    images_per_minute: int = 0

    @classmethod
    def told(cls, settings: Mapping[str, int] | None) -> Self:
        """As a profile tells them. Raises ProfileError."""
        known = [one.name for one in fields(cls)]
        for name, value in (settings or {}).items():
            if name not in known:
                raise ProfileError(f"pace has no setting {name}; {meant(str(name), known)}")
            if type(value) is not int or value < int(name == "concurrency"):
                raise ProfileError(f"pace: {name} is expected to be a whole number")
        return cls(**(settings or {}))

    @property
    def minutely(self) -> "tuple[Bucket, Bucket, Bucket]":
        """What is left of requests, tokens and images, shared out over the processes that ask."""
        allowed = (self.requests_per_minute, self.tokens_per_minute, self.images_per_minute)
        requests, tokens, images = (Bucket(each / workers()) for each in allowed)
        return requests, tokens, images


class Bucket:
    """What is left of an allowance for each minute (a token bucket); 0 allows all."""

    def __init__(self, per_minute: float) -> None:
        self._per_second = per_minute / 60 or math.inf
        self._most = max(1.0, self._per_second * _BURST)
        self._left, self._when = self._most, -math.inf

    def wait(self, amount: float, now: float) -> float:
        """The seconds until ``amount`` may be used; more than is ever there waits for all there is."""
        if self._per_second == math.inf:
            return 0.0
        self._left = min(self._most, self._left + max(0.0, now - self._when) * self._per_second)
        self._when = now
        return max(0.0, (min(amount, self._most) - self._left) / self._per_second)

    def use(self, amount: float) -> None:
        """Uses it, also beyond what is left."""
        self._left -= amount


def workers() -> int:
    """How many processes share an allowance. Raises SettingError."""
    told = os.environ.get(WORKERS) or "1"
    if not told.isdecimal() or not int(told):
        raise SettingError(f"{WORKERS} is expected to be a whole number, above 0")
    return int(told)


_FEWER, _SLOWER, _GROWTH = 0.8, 0.9, 0.05
_OVERLOADED = {408, 503, 504, 529}
_RISEN, _SHORT_RUN, _LONG_RUN = 2.0, 8, 64
"""Latency that has risen: the mean of a few answers is so many times the mean of many."""
_LONG, _LONGEST = 2.0, 10.0
"""Seconds asked for by a 429, from which nobody asks, below which the rate tells more; and the most that all wait."""
_TIME = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

_NOW: ContextVar["Pace | None"] = ContextVar("pace", default=None)


class Pace:
    """The turns of one endpoint kind on one loop."""

    def __init__(self, rates: Rates) -> None:
        self._most, self._minutely = rates.concurrency, rates.minutely
        self.limit, self.rate = float(rates.concurrency), math.inf
        """How many may run at once, and how many may begin in a second."""
        self._running, self._turns, self._freed = 0, asyncio.Lock(), asyncio.Event()
        self._next = self._pause = self._cut = self._slowed = -math.inf
        self._answers: deque[float] = deque()
        self._answered_ever, self._lately, self._usually = 0, 0.0, 0.0

    @asynccontextmanager
    async def turn(self, tokens: int = 0, images: int = 0) -> AsyncIterator[None]:
        """Waits until a call may begin, and learns from how it ends."""
        amounts = (1, tokens, images)
        async with self._turns:
            while wait := self._wait(amounts):
                self._freed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if wait == math.inf else wait):
                        await self._freed.wait()
            begun = self._begin(amounts)
        token = _NOW.set(self)
        try:
            yield
        except Exception as error:
            self._failed(error, begun)
            raise
        else:
            self._answered(begun)
        finally:
            _NOW.reset(token)
            self._running -= 1
            self._freed.set()

    def _wait(self, amounts: tuple[int, ...]) -> float:
        """The seconds until a call of these amounts may begin; infinite until another ends."""
        if self._running >= max(1, int(self.limit)):
            return math.inf
        now = _time()
        minutely = (left.wait(amount, now) for left, amount in zip(self._minutely, amounts, strict=True))
        return max(self._pause - now, self._next - now, 0.0, *minutely)

    def _begin(self, amounts: tuple[int, ...]) -> float:
        now = _time()
        for left, amount in zip(self._minutely, amounts, strict=True):
            left.use(amount)
        self._running += 1
        self._next = now + 1 / self.rate
        return now

    def _answered(self, begun: float) -> None:
        now = _time()
        self._answers.append(now)
        while self._answers[0] < now - 1:
            self._answers.popleft()
        self.rate += _GROWTH
        self.limit = min(self._most, self.limit + 1 / self.limit)
        self._answered_ever += 1
        self._lately += (now - begun - self._lately) / min(self._answered_ever, _SHORT_RUN)
        self._usually += (now - begun - self._usually) / min(self._answered_ever, _LONG_RUN)
        if self._lately > _RISEN * self._usually:
            self._fewer(begun, self._most / 2)

    def _failed(self, error: Exception, begun: float) -> None:
        if status(error) == TOO_MANY:
            self._slower(error, begun)
        elif status(error) in _OVERLOADED or is_lost(error):
            self._fewer(begun)

    def _fewer(self, begun: float, least: float = 1.0) -> None:
        """Fewer at once, not below ``least``; what began before the last cut tells nothing new."""
        if begun > self._cut:
            self._cut, self.limit = _time(), max(min(least, self.limit), self.limit * _FEWER)

    def _slower(self, error: Exception, begun: float) -> None:
        """A lower rate; and a pause, when a long one is asked for."""
        wait = asked_to_wait(error) or 0.0
        if wait > _LONG:
            self._hold(wait)
        if begun > self._slowed:
            self._slowed = _time()
            seen = sum(when > self._slowed - 1 for when in self._answers)
            self.rate = max(1.0, seen if self.rate == math.inf else min(self.rate * _SLOWER, max(seen, 1)))

    def heard(self, headers: Mapping[str, str]) -> None:
        """Takes what an answer's headers say of what is left (OpenAI's x-ratelimit-…): a pause, when nothing is."""
        for what in ("requests", "tokens"):
            if headers.get(f"x-ratelimit-remaining-{what}") == "0":
                self._hold(_seconds(headers.get(f"x-ratelimit-reset-{what}", "")))

    def _hold(self, seconds: float) -> None:
        """Nobody asks for so long, or for so long as is bearable: then one tries."""
        self._pause = max(self._pause, _time() + min(seconds, _LONGEST))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A kind of call (chat, embeddings, images) to a provider, and what the profile allows."""

    kind: str
    provider: str
    rates: Rates = field(default_factory=Rates)

    def turn(self, tokens: int = 0, images: int = 0) -> AbstractAsyncContextManager[None]:
        """A turn of this kind on the running loop; whose entry asks first sets the rates of all of its kind."""
        pace: Pace = loop_resources.kept(("pace", self.kind, self.provider), lambda: Pace(self.rates))
        return pace.turn(tokens, images)


def heard(headers: Mapping[str, str]) -> None:
    """Takes the headers of an answer to the call that runs here."""
    pace = _NOW.get()
    if pace:
        pace.heard(headers)


def _seconds(told: str) -> float:
    """A duration such as 6m0s or 250ms; 0 for what is none."""
    return sum(float(number) * _UNITS[unit] for number, unit in _TIME.findall(told))


def _time() -> float:
    return asyncio.get_running_loop().time()
