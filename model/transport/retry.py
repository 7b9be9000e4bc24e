"""Retry calls, in this one layer: lost connections, 408, 409, 429, 5xx, and responses that were cut.

A call whose answer did not come in time is not repeated, since the same request takes as long again.

Waits have jitter, follow ``retry-after-ms`` and ``retry-after`` (RFC 9110, 10.2.3), and end with the request's
deadline. The SDKs below are told not to retry. When a profile names several models, the first one that answers is used.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from ..errors import ModelUnavailableError, MultichainError, UnusableReplyError
from ..runtime import deadline, spans, usage
from ..runtime.coalescing import count_callers
from .error_mapping import (
    BUSY_STATUSES,
    NO_QUOTA,
    SERVER_ERROR,
    TOO_MANY,
    error_code,
    http_status,
    is_late,
    is_no_response,
    map_error,
)
from .network_settings import explain_tls_failure

T = TypeVar("T")
M = TypeVar("M")

ATTEMPTS, SHARED_ATTEMPTS, RATE_LIMITED_ATTEMPTS = 5, 4, 15
"""Attempts of a lone call; further ones of a call that several callers share; those of a call that came too early."""
_FIRST_WAIT, _MAX_WAIT, _MAX_REQUESTED_WAIT = 0.5, 8.0, 120.0
_ATTEMPTS_LIMIT: ContextVar[int] = ContextVar("attempts_limit", default=RATE_LIMITED_ATTEMPTS)
_BACK_OFF = wait_random_exponential(multiplier=_FIRST_WAIT, max=_MAX_WAIT)


async def call_with_retries(call: Callable[[], Awaitable[T]]) -> T:
    """Return the result of ``call``, retrying as long as a retry can help.

    Raises:
        Exception: The last attempt's exception.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception(is_retryable),
        stop=lambda state: state.attempt_number >= _max_attempts(_last_error(state)) or _exceeds_deadline(state),
        wait=_choose_wait,
        reraise=True,
    )

    async def attempt() -> T:  # tenacity awaits what is declared so
        return await call()

    return await retrying(attempt)


@contextmanager
def limit_attempts(count: int) -> Iterator[None]:
    """Make the calls inside the block with at most ``count`` attempts each, unless one came too early (429)."""
    token = _ATTEMPTS_LIMIT.set(count)
    try:
        yield
    finally:
        _ATTEMPTS_LIMIT.reset(token)


def _max_attempts(error: BaseException) -> int:
    if http_status(error) == TOO_MANY:
        return RATE_LIMITED_ATTEMPTS
    return min(_ATTEMPTS_LIMIT.get(), ATTEMPTS + SHARED_ATTEMPTS * (count_callers() > 1))


def is_retryable(error: BaseException) -> bool:
    """Return whether another attempt can help: the request is not at fault, and no quota is used up."""
    status_code = http_status(error)
    if is_late(error):  # the same prompt takes as long again
        return False
    if explain_tls_failure("", error):
        return False
    if _header(error, "x-should-retry") == "false" or error_code(error) == NO_QUOTA:
        return False
    return is_no_response(error) or (
        status_code is not None and (status_code in BUSY_STATUSES or status_code >= SERVER_ERROR)
    )


def requested_wait(error: BaseException) -> float | None:
    """Return the seconds that the server asks to wait, or None."""
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
    """Return the server's wait and a little more, so that not all callers return at once; else a back-off."""
    spans.add_attributes(retries=state.attempt_number)
    back_off = _BACK_OFF(state)
    requested = requested_wait(_last_error(state))
    return back_off if requested is None else requested + back_off / 10


def _exceeds_deadline(state: RetryCallState) -> bool:
    """Return whether the wait would end after the deadline, or is longer than anybody waits for an answer."""
    return state.upcoming_sleep > min(deadline.remaining_seconds(), _MAX_REQUESTED_WAIT)


def _last_error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or RuntimeError("tenacity waits after a failure alone")


def _header(error: BaseException, name: str) -> str:
    response: Any = getattr(error, "response", None)
    return str(getattr(response, "headers", {}).get(name, ""))


Acquire = Callable[[M], AbstractAsyncContextManager[object]]
"""Waits until a call of a model may start (rate_limiter.py)."""


async def first_available(
    models: Mapping[str, M], call: Callable[[M], Awaitable[T]], acquire: Acquire[M] = nullcontext
) -> tuple[str, T]:
    """Return the first of ``models`` that exists, is permitted, within its quota and writes an answer, with its reply.

    A note names each model that was passed over. Any other error is raised at once: a different answer from another
    model is no reason to send it the data.

    Args:
        models: Models by name, in order of preference.
        call: Calls one model.
        acquire: Waits for a slot for one model.

    Returns:
        Name and reply.

    Raises:
        ModelUnavailableError: No model is left.
        UnusableReplyError: The last model wrote no answer.
        MultichainError: A model failed for another reason.
    """
    last_error: MultichainError = ModelUnavailableError("the profile names no model; add one")
    for name, model in models.items():
        try:
            return name, await call_with_retries(partial(_call_in_turn, call, model, acquire))
        except UnusableReplyError as error:  # another model may write an answer, and nothing was said yet
            last_error = error
            if name != [*models][-1]:
                usage.add_note("model_passed_over", str(error).partition(";")[0])
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
