"""The one layer that tries again: time-outs, 408, 409, 429, 5xx, and answers that were cut.

With jitter, honouring ``retry-after-ms`` and ``retry-after`` (RFC 9110, 10.2.3), and only while the request's
deadline leaves time for it. The SDKs below are told not to retry. Where a profile names several models, the first that
answers is taken.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from ..errors import MultichainError, UnavailableError
from ..runtime import deadline, spans, usage
from ..runtime.coalescing import sharers
from .error_mapping import BUSY, NO_QUOTA, SERVER, TOO_MANY, code, failure, is_lost, status

T = TypeVar("T")
M = TypeVar("M")

ATTEMPTS, MORE, PATIENT = 5, 4, 15
"""Of a lone call; how many more of one that several wait for, since it fails them all; and of one that is too soon."""
_FIRST, _LONGEST, _LONGEST_ASKED = 0.5, 8.0, 120.0
_BACK_OFF = wait_random_exponential(multiplier=_FIRST, max=_LONGEST)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """What ``ask`` gives, after ATTEMPTS at most, or more where they are due. Raises the last one's exception."""
    retrying = AsyncRetrying(
        retry=retry_if_exception(passes),
        stop=lambda state: state.attempt_number >= _most(_error(state)) or _too_long(state),
        wait=_wait,
        reraise=True,
    )

    async def asked() -> T:  # tenacity awaits what is declared so
        return await ask()

    return await retrying(asked)


def _most(error: BaseException) -> int:
    return PATIENT if status(error) == TOO_MANY else ATTEMPTS + MORE * (sharers() > 1)


def passes(error: BaseException) -> bool:
    """Whether trying again can help: what was sent is not at fault, and no quota is used up."""
    told = status(error)
    if _header(error, "x-should-retry") == "false" or code(error) == NO_QUOTA:
        return False
    return is_lost(error) or (told is not None and (told in BUSY or told >= SERVER))


def asked_to_wait(error: BaseException) -> float | None:
    """The seconds that the server asks to wait; None when it does not say."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        told = _header(error, name)
        if told:
            return _seconds(told, unit)
    return None


def _seconds(told: str, unit: float) -> float | None:
    try:
        return max(float(told) / unit, 0.0)
    except ValueError:
        return _until(told)


def _until(date: str) -> float | None:
    try:
        return max(parsedate_to_datetime(date).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _wait(state: RetryCallState) -> float:
    """What the server asks for, and a little more, so that not all come back at the same moment."""
    spans.add(retries=state.attempt_number)
    back_off = _BACK_OFF(state)
    asked = asked_to_wait(_error(state))
    return back_off if asked is None else asked + back_off / 10


def _too_long(state: RetryCallState) -> bool:
    """Whether the wait would end after the deadline, or is longer than anybody waits for an answer."""
    return state.upcoming_sleep > min(deadline.left(), _LONGEST_ASKED)


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or RuntimeError("tenacity waits after a failure alone")


def _header(error: BaseException, name: str) -> str:
    response: Any = getattr(error, "response", None)
    return str(getattr(response, "headers", {}).get(name, ""))


Turn = Callable[[M], AbstractAsyncContextManager[object]]
"""Waits until a call of a model may begin (pace.py)."""


async def first(
    models: Mapping[str, M], ask: Callable[[M], Awaitable[T]], turn: Turn[M] = nullcontext
) -> tuple[str, T]:
    """The name and answer of the first of ``models`` that is there, permitted and within its quota.

    Each attempt waits for its ``turn``.
    A note tells which were passed over. Raises the last one's error when none is left, and any other error at
    once: what another model might answer differently is no reason to send it the data.
    """
    last: MultichainError = UnavailableError("the profile names no model; name one")
    for name, model in models.items():
        try:
            return name, await patiently(partial(_asked, ask, model, turn))
        except MultichainError:
            raise
        except Exception as error:  # noqa: BLE001 - failure raises again what is no SDK's
            last = failure(name, error)
            if not isinstance(last, UnavailableError):
                raise last from None
            usage.note("model_passed_over", str(last).partition(";")[0])
    raise last


async def _asked(ask: Callable[[M], Awaitable[T]], model: M, turn: Turn[M]) -> T:
    async with turn(model):
        return await ask(model)
