"""What an endpoint kind may be asked: at once, and each minute; and what of a minute is left."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from ..errors import ProfileError, SettingError
from ..settings import meant

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
