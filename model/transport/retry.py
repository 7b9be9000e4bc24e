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

from ..errors import ModelUnavailableError, MultichainError
from ..runtime import deadline, spans, usage
from ..runtime.coalescing import count_callers
from .error_mapping import (
    BUSY_STATUSES,
    NO_QUOTA,
    SERVER_ERROR,
    TOO_MANY,
    error_code,
    http_status,
    is_no_response,
    map_error,
)

T = TypeVar("T")
M = TypeVar("M")

ATTEMPTS, SHARED_ATTEMPTS, RATE_LIMITED_ATTEMPTS = 5, 4, 15
"""Of a lone call; how many more of one that several wait for, since it fails them all; and of one that is too soon."""
_FIRST_WAIT, _MAX_WAIT, _MAX_REQUESTED_WAIT = 0.5, 8.0, 120.0
_BACK_OFF = wait_random_exponential(multiplier=_FIRST_WAIT, max=_MAX_WAIT)


async def call_with_retries(call: Callable[[], Awaitable[T]]) -> T:
    """What ``ask`` gives, after ATTEMPTS at most, or more where they are due. Raises the last one's exception."""
    retrying = AsyncRetrying(
        retry=retry_if_exception(is_retryable),
        stop=lambda state: state.attempt_number >= _max_attempts(_last_error(state)) or _exceeds_deadline(state),
        wait=_choose_wait,
        reraise=True,
    )

    async def attempt() -> T:  # tenacity awaits what is declared so
        return await call()

    return await retrying(attempt)


def _max_attempts(error: BaseException) -> int:
    return (
        RATE_LIMITED_ATTEMPTS if http_status(error) == TOO_MANY else ATTEMPTS + SHARED_ATTEMPTS * (count_callers() > 1)
    )


def is_retryable(error: BaseException) -> bool:
    """Whether trying again can help: what was sent is not at fault, and no quota is used up."""
    status_code = http_status(error)
    if _header(error, "x-should-retry") == "false" or error_code(error) == NO_QUOTA:
        return False
    return is_no_response(error) or (
        status_code is not None and (status_code in BUSY_STATUSES or status_code >= SERVER_ERROR)
    )


def requested_wait(error: BaseException) -> float | None:
    """The seconds that the server asks to wait; None when it does not say."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        header = _header(error, name)
        if header:
            return _parse_wait(header, unit)
    return None


def _parse_wait(header: str, unit: float) -> float | None:
    try:
        return max(float(header) / unit, 0.0)
    except ValueError:
        return _seconds_until(header)


def _seconds_until(date: str) -> float | None:
    try:
        return max(parsedate_to_datetime(date).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _choose_wait(state: RetryCallState) -> float:
    """What the server asks for, and a little more, so that not all come back at the same moment."""
    spans.add_attributes(retries=state.attempt_number)
    back_off = _BACK_OFF(state)
    requested = requested_wait(_last_error(state))
    return back_off if requested is None else requested + back_off / 10


def _exceeds_deadline(state: RetryCallState) -> bool:
    """Whether the wait would end after the deadline, or is longer than anybody waits for an answer."""
    return state.upcoming_sleep > min(deadline.remaining_seconds(), _MAX_REQUESTED_WAIT)


def _last_error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or RuntimeError("tenacity waits after a failure alone")


def _header(error: BaseException, name: str) -> str:
    response: Any = getattr(error, "response", None)
    return str(getattr(response, "headers", {}).get(name, ""))


Acquire = Callable[[M], AbstractAsyncContextManager[object]]
"""Waits until a call of a model may begin (pace.py)."""


async def first_available(
    models: Mapping[str, M], call: Callable[[M], Awaitable[T]], acquire: Acquire[M] = nullcontext
) -> tuple[str, T]:
    """The name and answer of the first of ``models`` that is there, permitted and within its quota.

    Each attempt waits for its ``turn``.
    A note tells which were passed over. Raises the last one's error when none is left, and any other error at
    once: what another model might answer differently is no reason to send it the data.
    """
    last_error: MultichainError = ModelUnavailableError("the profile names no model; name one")
    for name, model in models.items():
        try:
            return name, await call_with_retries(partial(_call_in_turn, call, model, acquire))
        except MultichainError:
            raise
        except Exception as error:  # noqa: BLE001 - failure raises again what is no SDK's
            last_error = map_error(name, error)
            if not isinstance(last_error, ModelUnavailableError):
                raise last_error from None
            usage.add_note("model_passed_over", str(last_error).partition(";")[0])
    raise last_error


async def _call_in_turn(call: Callable[[M], Awaitable[T]], model: M, acquire: Acquire[M]) -> T:
    async with acquire(model):
        return await call(model)
