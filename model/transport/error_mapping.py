"""Map the exceptions of providers' SDKs to errors of this project, which repeat nothing that the provider said.

A provider's messages contain the request and parts of the key. Codes and parameter names are repeated when they look
like what they are. Exception classes are recognised by name: several SDKs are made by one generator and share them, and
none has to be imported for it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import (
    CredentialError,
    ModelUnavailableError,
    ModerationError,
    MultichainError,
    PendingCallError,
    ProviderAddressError,
    ProviderUnavailableError,
    RejectedCallError,
)
from ..runtime.batch_calls import PENDING, UNSUPPORTED
from .network_settings import explain_proxy_failure, explain_tls_failure

PAYMENT_REQUIRED, FORBIDDEN, NOT_FOUND, TOO_MANY, SERVER_ERROR = 402, 403, 404, 429, 500
_REFUSAL = re.compile(
    r"unsupported|not support|unrecogni|unknown|unexpected|not (?:allowed|permitted)|forbidden", re.IGNORECASE
)
"""Words with which servers refuse a parameter; a message without them may repeat the whole request."""
_REFUSING_STATUSES = {400, 422}
BUSY_STATUSES = {408, 409, TOO_MANY}
NO_QUOTA = "insufficient_quota"

_NO_RESPONSE_CLASSES = {"APITimeoutError", "APIConnectionError", "TransportError", "TimeoutException"}
_INVALID_RESPONSE_CLASSES = {"InvalidResponseError", "JSONDecodeError", "APIResponseValidationError"}
_MODERATION_CODES = {"moderation_blocked", "content_policy_violation", "content_filter"}
_NOT_FOUND_CODES = {"model_not_found", "DeploymentNotFound"}
_TOO_LONG_CODES = {"context_length_exceeded", "string_above_max_length"}
_TOO_LONG = re.compile(
    r"context (?:length|window|size)|ContextWindowExceeded|maximum input length|too (?:long|large to process)"
    r"|must have less than \d+ tokens",
    re.IGNORECASE,
)
"""Words of servers without such a code: vLLM, llama.cpp, Ollama, Text Embeddings Inference."""
_USED_UP = re.compile(r"budget has been exceeded|budget_exceeded|insufficient (?:credits|balance)", re.IGNORECASE)
"""Words of gateways without OpenAI's code: LiteLLM, OpenRouter."""
_MODERATED = re.compile(r"ContentPolicyViolation|ResponsibleAIPolicyViolation|content management policy")
"""Words of LiteLLM and Azure's gateways."""
_NO_MODEL = re.compile(r"\bmodel\b[^.]{0,100}\b(?:not found|does not exist|not exist)", re.IGNORECASE)
"""Words of vLLM, Ollama and LiteLLM."""
_IDENTIFIER = re.compile(r"[a-z][a-zA-Z0-9_./\[\]-]{0,40}")


class InvalidResponseError(Exception):
    """The server answered with something that is no API response.

    Such as an HTML page, or JSON without the expected field.
    """


@contextmanager
def parsing_response() -> Iterator[None]:
    """Raise InvalidResponseError when an SDK stumbles over a response inside."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError):
        raise InvalidResponseError from None


def require_field(reply: Any, field: str) -> Any:  # an SDK's response
    """Return ``reply``, which has ``field``.

    Raises:
        InvalidResponseError: The field is missing; an SDK returns a text when the body is no JSON.
    """
    if getattr(reply, field, None) is None:
        raise InvalidResponseError
    return reply


def class_names(error: BaseException) -> set[str]:
    """Return the names of an exception's classes."""
    return {kind.__name__ for kind in type(error).__mro__}


def is_no_response(error: BaseException) -> bool:
    """Return whether no response arrived, or one that is invalid: cut, late or garbage."""
    return bool(class_names(error) & (_NO_RESPONSE_CLASSES | _INVALID_RESPONSE_CLASSES))


def is_late(error: BaseException) -> bool:
    """Return whether a server accepted a call and did not answer in time; False where no connection came about."""
    causes = class_names(error.__cause__) if error.__cause__ else set()
    is_timeout = bool({"APITimeoutError", "ReadTimeout"} & class_names(error))
    return is_timeout and not {"ConnectTimeout", "PoolTimeout"} & causes


def http_status(error: BaseException) -> int | None:
    """Return the HTTP status that the provider answered with, or None."""
    status_code = getattr(error, "status_code", None)
    return status_code if isinstance(status_code, int) else None


def error_code(error: BaseException) -> str:
    """Return the provider's own error code; empty without one."""
    return str(getattr(error, "code", None) or "")


def find_refused_parameter(error: BaseException, parameters: Iterable[str]) -> str:
    """Return the parameter among some that a server refuses; empty when the error names none.

    Args:
        error: What the SDK raised.
        parameters: Names of parameters without which the call can be repeated.
    """
    if http_status(error) not in _REFUSING_STATUSES:
        return ""
    parameter = str(getattr(error, "param", None) or "")
    message = f"{getattr(error, 'body', '')} {error}"
    if not parameter and not _REFUSAL.search(message):
        return ""
    return next((name for name in parameters if re.search(rf"\b{name}\b", parameter or message)), "")


def map_error(name: str, error: Exception) -> MultichainError:
    """Map an SDK's exception to an error of this project.

    Args:
        name: Provider and model, for the message.
        error: What the SDK raised.

    Returns:
        The error.

    Raises:
        Exception: ``error`` itself, when it is no SDK's.
    """
    status_code = http_status(error)
    if not is_no_response(error) and (
        "APIError" not in class_names(error) or (status_code is None and "APIStatusError" in class_names(error))
    ):
        raise error
    if error_code(error) == PENDING:
        return PendingCallError(f"{name} is asked by the Batch API; run the batch again when it has answered")
    if error_code(error) == UNSUPPORTED:
        return RejectedCallError(f"{name} is not asked: Azure's Batch API answers chats alone; run without --batch-api")
    is_used_up = error_code(error) == NO_QUOTA and (
        status_code is None or status_code in BUSY_STATUSES or status_code >= SERVER_ERROR
    )
    if is_used_up or status_code == PAYMENT_REQUIRED or _says(_USED_UP, error, status_code):
        return ModelUnavailableError(f"{name} has used up its quota; name another model, or raise the quota")
    return (
        explain_tls_failure(name, error)
        or explain_proxy_failure(name, error)
        or map_transient_error(name, error)
        or _map_client_error(name, error, status_code or 0)
    )


def map_transient_error(name: str, error: BaseException) -> ProviderUnavailableError | None:
    """Return the error for an exception that may not occur again later; None for a permanent one."""
    status_code = http_status(error)
    if class_names(error) & _NO_RESPONSE_CLASSES:
        return ProviderUnavailableError(
            f"{name} did not answer in time, or cannot be reached; try again, or check its address"
        )
    if class_names(error) & _INVALID_RESPONSE_CLASSES:
        return ProviderUnavailableError(
            f"{name} returned an invalid response (not JSON, or fields are missing); try again, or check its address"
        )
    if status_code is None or status_code in BUSY_STATUSES or status_code >= SERVER_ERROR:
        return ProviderUnavailableError(
            f"{name} is overloaded or failed (HTTP {status_code or 'cut'}); try again later"
        )
    return None


def _map_client_error(name: str, error: Exception, status_code: int) -> MultichainError:
    """Return the error for a 4xx response that no retry helps."""
    body: Any = getattr(error, "body", None)
    if error_code(error) in _MODERATION_CODES or _says(_MODERATED, error, status_code):
        details = body.get("moderation_details") if isinstance(body, Mapping) else None
        return ModerationError(
            f"{name} refused the request ({describe_moderation(_moderation_code(error), details)}); rephrase it"
        )
    if "AuthenticationError" in class_names(error):
        return CredentialError(f"{name} rejects the key; check that the key is set, complete and for this service")
    if status_code == FORBIDDEN:
        return ModelUnavailableError(f"{name} is not permitted with this key; name another model")
    if _says(_NO_MODEL, error, status_code):
        return ModelUnavailableError(f"{name} does not exist, or no longer exists; use another model")
    if status_code == NOT_FOUND or error_code(error) in _NOT_FOUND_CODES:
        return _map_not_found(name, body, error_code(error))
    return RejectedCallError(_describe_rejection(name, error, status_code))


def _says(words: re.Pattern[str], error: Exception, status_code: int | None) -> bool:
    """Return whether a refusal (4xx) has ``words`` in its body; the words of a server stand in for a missing code."""
    is_refusal = status_code is not None and status_code < SERVER_ERROR and status_code not in BUSY_STATUSES
    return is_refusal and bool(words.search(f"{getattr(error, 'body', '')} {error}"))


def _moderation_code(error: Exception) -> str:
    return error_code(error) if error_code(error) in _MODERATION_CODES else "content_filter"


def _map_not_found(name: str, body: object, provider_code: str) -> MultichainError:
    """Return the error for a missing model, or for an address without such a service: its 404 names no model."""
    if not isinstance(body, Mapping) or body.keys() <= {"detail"} or provider_code == str(NOT_FOUND):
        return ProviderAddressError(f"{name}: its address answers, but not as such a service; check it, up to its /v1")
    return ModelUnavailableError(f"{name} does not exist, or no longer exists; use another model")


def _describe_rejection(name: str, error: Exception, status_code: int) -> str:
    if error_code(error) in _TOO_LONG_CODES or _says(_TOO_LONG, error, status_code):
        return f"{name} was asked more than it can read at once; ask for fewer passages, or set window"
    parameter = str(getattr(error, "param", None) or "")
    location = f", for {parameter}" if _IDENTIFIER.fullmatch(parameter) else ""
    return f"{name} did not take the request (HTTP {status_code}{location}); check it, and the profile's settings"


def describe_moderation(moderation_code: str | None, details: object) -> str:
    """Return a moderation's code, with its categories where the provider tells them."""
    raw_categories: Any = (
        details.get("categories") if isinstance(details, Mapping) else getattr(details, "categories", None)
    )
    categories = ", ".join(filter(_IDENTIFIER.fullmatch, map(str, raw_categories or [])))
    return ": ".join(
        filter(
            None,
            [
                moderation_code if moderation_code and _IDENTIFIER.fullmatch(moderation_code) else "moderation",
                categories,
            ],
        )
    )
