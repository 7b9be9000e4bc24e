"""The first model of several that answers, and a provider's failures as errors of ours."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from ..errors import (
    BusyError,
    CredentialError,
    ModerationError,
    MultichainError,
    ProviderError,
    UnavailableError,
)

M = TypeVar("M")
T = TypeVar("T")

_FORBIDDEN, _MISSING, _BUSY, _SERVER = 403, 404, {408, 409, 429}, 500
_MODERATED = {"moderation_blocked", "content_policy_violation", "content_filter"}


async def first(models: Mapping[str, M], ask: Callable[[M], Awaitable[T]]) -> tuple[str, T]:
    """The name and answer of the first of ``models`` that is there, permitted and within its quota.

    Raises the last one's error when none is, and any other error at once: what another model might answer
    differently is no reason to send it the data.
    """
    last: MultichainError = UnavailableError("the profile names no model; name one")
    for name, model in models.items():
        try:
            return name, await ask(model)
        except MultichainError:
            raise
        except Exception as error:  # noqa: BLE001 - failure raises again what is no SDK's
            last = failure(name, error)
            if not isinstance(last, UnavailableError):
                raise last from None
    raise last


def failure(name: str, error: Exception) -> MultichainError:
    """What an SDK raised, as an error of ours; it repeats nothing that the provider said, which may hold data or keys.

    Raises ``error`` itself when it is not an SDK's.
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"APITimeoutError", "APIConnectionError"}:
        return BusyError(f"{name} did not answer in time, or cannot be reached; try again, or check its address")
    status, code = getattr(error, "status_code", None), str(getattr(error, "code", None) or "")
    if "APIError" not in kinds or (status is None and "APIStatusError" in kinds):
        raise error
    if code in _MODERATED:
        return ModerationError(f"{name} refused this ({code}); put it in other words")
    if "AuthenticationError" in kinds:
        return CredentialError(f"{name} does not take this key; check the key, and that it is of this provider")
    if status in {_FORBIDDEN, _MISSING} or code == "insufficient_quota":
        why = {_FORBIDDEN: "is not permitted with this key", _MISSING: "is not there, or no longer"}
        return UnavailableError(f"{name} {why.get(status or 0, 'has used up its quota')}; name another model")
    if status is None or status in _BUSY or status >= _SERVER:
        return BusyError(f"{name} is overloaded or failed (HTTP {status or 'cut'}); try again later")
    return ProviderError(f"{name} did not take the request (HTTP {status}); check the profile's settings for it")
