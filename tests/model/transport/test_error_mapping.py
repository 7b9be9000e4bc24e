"""Exceptions of SDKs become errors of this project, by their class, status and code."""

from types import SimpleNamespace
from typing import Any

import pytest

from model.errors import (
    CredentialError,
    ModelUnavailableError,
    ModerationError,
    MultichainError,
    ProviderAddressError,
    ProviderUnavailableError,
    RejectedCallError,
)
from model.transport.error_mapping import (
    InvalidResponseError,
    describe_moderation,
    error_code,
    find_refused_parameter,
    http_status,
    is_late,
    is_no_response,
    map_error,
    map_transient_error,
    parsing_response,
    require_field,
)

NAME = "openai:gpt-4.1"
MODEL_BODY = {"message": "secret"}


class APIError(Exception):
    """Error of an SDK, such as that of a stream which was cut."""

    def __init__(self, status_code: Any = None, code: Any = None, param: Any = None, body: Any = None) -> None:
        super().__init__("secret")
        self.code, self.param, self.body = code, param, body
        if status_code is not None:
            self.status_code = status_code


class APIStatusError(APIError):
    """Error of a response with a status."""


class AuthenticationError(APIStatusError):
    """Error of a response with the status 401."""


class APIConnectionError(APIError):
    """Error without a response."""


class APITimeoutError(APIConnectionError):
    """Error of a response that did not come in time."""


class APIResponseValidationError(APIError):
    """Error of a response that is not what the SDK expects; it has a status."""


class TransportError(Exception):
    """Error of a connection below the SDK."""


class TimeoutException(Exception):  # noqa: N818 - the name of httpx
    """Error of a connection that took too long."""


class JSONDecodeError(ValueError):
    """Error of a body that is no JSON."""


QUOTA = f"{NAME} has used up its quota; name another model, or raise the quota"
NO_ANSWER = f"{NAME} did not answer in time, or cannot be reached; try again, or check its address"
INVALID = f"{NAME} returned an invalid response (not JSON, or fields are missing); try again, or check its address"
ADDRESS = f"{NAME}: its address answers, but not as such a service; check it, up to its /v1"
MISSING = f"{NAME} does not exist, or no longer exists; use another model"
KEY = f"{NAME} rejects the key; check that the key is set, complete and for this service"
FORBIDDEN = f"{NAME} is not permitted with this key; name another model"
TOO_LONG = f"{NAME} was asked more than it can read at once; ask for fewer passages, or set window"


def describe_failure(status: int | str) -> str:
    return f"{NAME} is overloaded or failed (HTTP {status}); try again later"


def describe_refusal(status: int, location: str = "") -> str:
    return f"{NAME} did not take the request (HTTP {status}{location}); check it, and the profile's settings"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (APITimeoutError(), ProviderUnavailableError, NO_ANSWER),
        (APIConnectionError(), ProviderUnavailableError, NO_ANSWER),
        (TransportError(), ProviderUnavailableError, NO_ANSWER),
        (TimeoutException(), ProviderUnavailableError, NO_ANSWER),
        (JSONDecodeError(), ProviderUnavailableError, INVALID),
        (InvalidResponseError(), ProviderUnavailableError, INVALID),
        (APIResponseValidationError(200), ProviderUnavailableError, INVALID),
        (APIError(), ProviderUnavailableError, describe_failure("cut")),
        (APIError(400), RejectedCallError, describe_refusal(400)),
        (APIStatusError(407), RejectedCallError, describe_refusal(407)),
        (APIStatusError(408), ProviderUnavailableError, describe_failure(408)),
        (APIStatusError(409), ProviderUnavailableError, describe_failure(409)),
        (APIStatusError(410), RejectedCallError, describe_refusal(410)),
        (APIStatusError(428), RejectedCallError, describe_refusal(428)),
        (APIStatusError(429), ProviderUnavailableError, describe_failure(429)),
        (APIStatusError(430), RejectedCallError, describe_refusal(430)),
        (APIStatusError(499), RejectedCallError, describe_refusal(499)),
        (APIStatusError(500), ProviderUnavailableError, describe_failure(500)),
        (APIStatusError(501), ProviderUnavailableError, describe_failure(501)),
        (APIError(code="insufficient_quota"), ModelUnavailableError, QUOTA),
        (APIStatusError(408, "insufficient_quota"), ModelUnavailableError, QUOTA),
        (APIStatusError(429, "insufficient_quota"), ModelUnavailableError, QUOTA),
        (APIStatusError(500, "insufficient_quota"), ModelUnavailableError, QUOTA),
        (APIStatusError(499, "insufficient_quota"), RejectedCallError, describe_refusal(499)),
        (AuthenticationError(401), CredentialError, KEY),
        (AuthenticationError(403), CredentialError, KEY),
        (APIStatusError(401), RejectedCallError, describe_refusal(401)),
        (APIStatusError(403), ModelUnavailableError, FORBIDDEN),
        (APIStatusError(403, "model_not_found"), ModelUnavailableError, FORBIDDEN),
        (APIStatusError(404), ProviderAddressError, ADDRESS),
        (APIStatusError(404, body="<html>"), ProviderAddressError, ADDRESS),
        (APIStatusError(404, body={}), ProviderAddressError, ADDRESS),
        (APIStatusError(404, body={"detail": "Not Found"}), ProviderAddressError, ADDRESS),
        (APIStatusError(404, body={"detail": "Not Found"} | MODEL_BODY), ModelUnavailableError, MISSING),
        (APIStatusError(404, "404", body=MODEL_BODY), ProviderAddressError, ADDRESS),
        (APIStatusError(404, 404, body=MODEL_BODY), ProviderAddressError, ADDRESS),
        (APIStatusError(404, "x", body=MODEL_BODY), ModelUnavailableError, MISSING),
        (APIStatusError(400, "model_not_found", body=MODEL_BODY), ModelUnavailableError, MISSING),
        (APIStatusError(400, "DeploymentNotFound", body=MODEL_BODY), ModelUnavailableError, MISSING),
        (APIStatusError(400, "model_not_found"), ProviderAddressError, ADDRESS),
        (APIStatusError(400, "context_length_exceeded"), RejectedCallError, TOO_LONG),
        (APIStatusError(400, "string_above_max_length", "input"), RejectedCallError, TOO_LONG),
    ],
)
def test_error_of_sdk_is_mapped(error: Exception, kind: type[MultichainError], message: str) -> None:
    mapped_error = map_error(NAME, error)
    assert (type(mapped_error), str(mapped_error)) == (kind, message)


@pytest.mark.parametrize("error", [ValueError("secret"), APIStatusError(), APIStatusError("429"), KeyError("a")])
def test_error_of_no_sdk_is_raised_itself(error: Exception) -> None:
    with pytest.raises(type(error)) as failure:
        map_error(NAME, error)
    assert failure.value is error


@pytest.mark.parametrize(
    ("parameter", "location"),
    [
        ("size", ", for size"),
        ("messages[0].content", ", for messages[0].content"),
        ("a" * 41, f", for {'a' * 41}"),
        ("a" * 42, ""),
        ("Size", ""),
        ("my question?", ""),
        (None, ""),
    ],
)
def test_refusal_names_parameter_that_looks_like_a_name(parameter: str | None, location: str) -> None:
    assert str(map_error(NAME, APIStatusError(400, "x", parameter))) == describe_refusal(400, location)


@pytest.mark.parametrize(
    ("code", "body", "reason"),
    [
        ("content_filter", None, "content_filter"),
        ("content_policy_violation", "text", "content_policy_violation"),
        ("moderation_blocked", {"moderation_details": {"categories": ["violence"]}}, "moderation_blocked: violence"),
        ("moderation_blocked", {"details": {"categories": ["violence"]}}, "moderation_blocked"),
    ],
)
def test_moderation_is_reported_with_its_categories(code: str, body: object, reason: str) -> None:
    mapped_error = map_error(NAME, AuthenticationError(403, code, body=body))
    assert type(mapped_error) is ModerationError
    assert str(mapped_error) == f"{NAME} refused the request ({reason}); rephrase it"


@pytest.mark.parametrize(
    ("code", "details", "description"),
    [
        (None, None, "moderation"),
        ("", {}, "moderation"),
        ("Blocked: you said this", None, "moderation"),
        ("refused", {"categories": None}, "refused"),
        ("refused", {"categories": ["sexual/minors", "self-harm"]}, "refused: sexual/minors, self-harm"),
        ("refused", {"categories": ["you said this", 5, "hate"]}, "refused: hate"),
        (None, SimpleNamespace(categories=["hate"]), "moderation: hate"),
        ("refused", SimpleNamespace(), "refused"),
    ],
)
def test_moderation_description_repeats_identifiers_only(code: str | None, details: object, description: str) -> None:
    assert describe_moderation(code, details) == description


@pytest.mark.parametrize("error", [APITimeoutError(), APIStatusError(503), APIError(), InvalidResponseError()])
def test_transient_error_is_retryable(error: Exception) -> None:
    mapped_error = map_transient_error(NAME, error)
    assert mapped_error is not None
    assert mapped_error.is_retryable


@pytest.mark.parametrize("status", [400, 401, 404, 422, 499])
def test_permanent_error_is_not_transient(status: int) -> None:
    assert map_transient_error(NAME, APIStatusError(status)) is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [(APITimeoutError(), True), (JSONDecodeError(), True), (APIError(), False), (ValueError(), False)],
)
def test_missing_or_invalid_response_is_recognised_by_class(error: Exception, expected: bool) -> None:
    assert is_no_response(error) is expected


def test_status_and_code_are_read_from_the_error() -> None:
    assert (http_status(APIError(503, "busy")), error_code(APIError(503, "busy"))) == (503, "busy")
    assert (http_status(APIError("503", 7)), error_code(APIError("503", 7))) == (None, "7")
    assert (http_status(ValueError()), error_code(ValueError())) == (None, "")


@pytest.mark.parametrize("error", [ValueError(), TypeError(), KeyError(), IndexError(), AttributeError()])
def test_error_while_parsing_is_an_invalid_response(error: Exception) -> None:
    with pytest.raises(InvalidResponseError) as failure, parsing_response():
        raise error
    assert failure.value.__suppress_context__


def test_other_error_while_parsing_stays_itself() -> None:
    error = OSError()
    with pytest.raises(OSError) as failure, parsing_response():  # noqa: PT011 - compared below
        raise error
    assert failure.value is error


def test_required_field_may_be_empty_but_not_absent() -> None:
    reply = SimpleNamespace(data=[], usage=None)
    assert require_field(reply, "data") is reply
    for absent in ("usage", "choices"):
        with pytest.raises(InvalidResponseError):
            require_field(reply, absent)
    with pytest.raises(InvalidResponseError):
        require_field("<html>", "data")


class RefusedParameterError(APIStatusError):
    """Refusal of a parameter, as SDKs raise it."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(status)
        self.param, self.body = param, {"message": message}


@pytest.mark.parametrize(
    ("error", "parameter"),
    [
        (RefusedParameterError(400, "Unsupported value", "temperature"), "temperature"),
        (RefusedParameterError(400, "Unrecognized request argument supplied: stream_options"), "stream_options"),
        (RefusedParameterError(422, "stream_options: Extra inputs are not permitted"), "stream_options"),
        (RefusedParameterError(400, "Unsupported value", "messages"), ""),
        (RefusedParameterError(400, "you sent {'temperature': 0}"), ""),
        (RefusedParameterError(429, "Unsupported value", "temperature"), ""),
        (RefusedParameterError(400, "Unsupported: temperatures"), ""),
        (ValueError("Unsupported: temperature"), ""),
    ],
)
def test_refused_parameter_is_read_from_the_error(error: Exception, parameter: str) -> None:
    assert find_refused_parameter(error, {"temperature", "stream_options"}) == parameter


class ConnectTimeout(Exception):  # noqa: N818 - the name of httpx
    """Error of a connection that did not come about in time."""


@pytest.mark.parametrize(("cause", "expected"), [(None, True), (ConnectTimeout(), False), (ValueError(), True)])
def test_call_that_a_server_accepted_is_late(cause: Exception | None, expected: bool) -> None:
    error = APITimeoutError()
    error.__cause__ = cause
    assert is_late(error) is expected
    assert not is_late(APIConnectionError())
