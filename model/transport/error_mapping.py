"""What a provider's SDK raises, as errors of ours, which repeat nothing that the provider said.

Its messages hold the request, and parts of the key; codes and names of parameters are told when they look like
what they are. The classes are known by their names: several SDKs are made by one generator and share them, and
none has to be imported for it.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import (
    AddressError,
    BusyError,
    CredentialError,
    ModerationError,
    MultichainError,
    ProviderError,
    UnavailableError,
)

FORBIDDEN, MISSING, TOO_MANY, SERVER = 403, 404, 429, 500
BUSY = {408, 409, TOO_MANY}
NO_QUOTA = "insufficient_quota"

_LOST = {"APITimeoutError", "APIConnectionError", "TransportError", "TimeoutException"}
_GARBAGE = {"GarbageError", "JSONDecodeError", "APIResponseValidationError"}
_MODERATED = {"moderation_blocked", "content_policy_violation", "content_filter"}
_GONE = {"model_not_found", "DeploymentNotFound"}
_TOO_LONG = {"context_length_exceeded", "string_above_max_length"}
_WORD = re.compile(r"[a-z][a-zA-Z0-9_./\[\]-]{0,40}")


class GarbageError(Exception):
    """An answer that is none: another kind of page, or one without what was asked for."""


@contextmanager
def reading() -> Iterator[None]:
    """An answer is read inside by an SDK, which stumbles over one that is none: that is then a GarbageError."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError):
        raise GarbageError from None


def answered(reply: Any, field: str) -> Any:  # an SDK's response
    """``reply``, which has ``field``. Raises GarbageError: an SDK gives what is no JSON as a text."""
    if getattr(reply, field, None) is None:
        raise GarbageError
    return reply


def kinds(error: BaseException) -> set[str]:
    """The names of an error's classes."""
    return {kind.__name__ for kind in type(error).__mro__}


def is_lost(error: BaseException) -> bool:
    """Whether the answer did not come, or was no answer: it was cut, late, or garbage."""
    return bool(kinds(error) & (_LOST | _GARBAGE))


def status(error: BaseException) -> int | None:
    """The HTTP status that the provider answered with."""
    told = getattr(error, "status_code", None)
    return told if isinstance(told, int) else None


def code(error: BaseException) -> str:
    """The provider's own code for it."""
    return str(getattr(error, "code", None) or "")


def failure(name: str, error: Exception) -> MultichainError:
    """What ``error`` is to a caller; ``name`` is what was asked. Raises ``error`` itself when it is not an SDK's."""
    told = status(error)
    if not is_lost(error) and ("APIError" not in kinds(error) or (told is None and "APIStatusError" in kinds(error))):
        raise error
    if code(error) == NO_QUOTA and (told is None or told in BUSY or told >= SERVER):
        return UnavailableError(f"{name} has used up its quota; name another model, or raise the quota")
    return passing(name, error) or _refusal(name, error, told or 0)


def passing(name: str, error: BaseException) -> BusyError | None:
    """What ``error`` is to a caller when it may be gone at another time; None for one that stays."""
    told = status(error)
    if kinds(error) & _LOST:
        return BusyError(f"{name} did not answer in time, or cannot be reached; try again, or check its address")
    if kinds(error) & _GARBAGE:
        return BusyError(f"{name} answered with what is no answer; try again, or check its address")
    if told is None or told in BUSY or told >= SERVER:
        return BusyError(f"{name} is overloaded or failed (HTTP {told or 'cut'}); try again later")
    return None


def _refusal(name: str, error: Exception, told: int) -> MultichainError:
    """What a 4xx that no retry helps is to a caller."""
    body: Any = getattr(error, "body", None)
    if code(error) in _MODERATED:
        details = body.get("moderation_details") if isinstance(body, Mapping) else None
        return ModerationError(f"{name} refused this ({refusal_reason(code(error), details)}); put it in other words")
    if "AuthenticationError" in kinds(error):
        return CredentialError(f"{name} does not take this key; check it, set one where there is none, and whose it is")
    if told == FORBIDDEN:
        return UnavailableError(f"{name} is not permitted with this key; name another model")
    if told == MISSING or code(error) in _GONE:
        return _missing(name, body, code(error))
    return ProviderError(_wrong(name, error, told))


def _missing(name: str, body: object, told: str) -> MultichainError:
    """A model that is not there, or an address where no such service is: its 404 says nothing of a model."""
    if not isinstance(body, Mapping) or body.keys() <= {"detail"} or told == str(MISSING):
        return AddressError(f"{name}: its address answers, but not as such a service; check it, up to its /v1")
    return UnavailableError(f"{name} is not there, or no longer; name another model")


def _wrong(name: str, error: Exception, told: int) -> str:
    if code(error) in _TOO_LONG:
        return f"{name} was asked more than it can read at once; ask for fewer passages, or set window"
    parameter = str(getattr(error, "param", None) or "")
    place = f", for {parameter}" if _WORD.fullmatch(parameter) else ""
    return f"{name} did not take the request (HTTP {told}{place}); check it, and the profile's settings"


def refusal_reason(told: str | None, details: object) -> str:
    """A moderation's code, and its categories where it tells them."""
    listed: Any = details.get("categories") if isinstance(details, Mapping) else getattr(details, "categories", None)
    categories = ", ".join(filter(_WORD.fullmatch, map(str, listed or [])))
    return ": ".join(filter(None, [told if told and _WORD.fullmatch(told) else "moderation", categories]))
