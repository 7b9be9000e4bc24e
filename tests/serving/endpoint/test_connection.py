"""Connections to a workspace, and the sentences for the errors of Databricks' SDK."""

import logging
from pathlib import Path
from typing import Any

import pytest
import requests
from databricks.sdk.errors import (
    BadRequest,
    DatabricksError,
    DeadlineExceeded,
    InternalError,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceConflict,
    ResourceDoesNotExist,
    TooManyRequests,
    Unauthenticated,
)

from serving.endpoint import connection
from serving.endpoint.connection import connect_workspace, translate_errors
from serving.errors import ServingError
from standin.app import StandIn

RETRY = "; run the command again"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            Unauthenticated("Token expired."),
            "authentication failed; the token has expired or belongs to another workspace, so sign in again",
        ),
        (PermissionDenied("No USE."), "permission denied: No USE; docs/databricks.md lists the required grants"),
        (BadRequest("No name."), "the workspace rejected the request: No name"),
        (InvalidParameterValue("No size"), "the workspace rejected the request: No size"),
        (NotFound("No a.b"), "not found: No a.b"),
        (ResourceDoesNotExist("No a.b"), "not found: No a.b"),
        (
            ResourceConflict("Busy."),
            "change in progress: Busy; wait (python -m serving status), then run the command again",
        ),
        (
            TooManyRequests("Slow down"),
            "too many calls to the workspace (limit: 50 changes in 5 minutes); run the command again later",
        ),
        (InternalError("Worker died"), f"the call to the workspace failed (InternalError){RETRY}"),
        (DeadlineExceeded("Late"), f"the call to the workspace failed (DeadlineExceeded){RETRY}"),
        (DatabricksError("Odd"), f"the call to the workspace failed (DatabricksError){RETRY}"),
        (TimeoutError("Timed out after 0:05:00"), f"the call to the workspace failed (TimeoutError){RETRY}"),
        (requests.ConnectionError("refused"), f"the call to the workspace failed (ConnectionError){RETRY}"),
    ],
)
def test_error_of_the_sdk_becomes_a_sentence(error: Exception, sentence: str) -> None:
    with pytest.raises(ServingError) as caught, translate_errors("creating the endpoint a"):
        raise error
    assert caught.value.message == f"creating the endpoint a: {sentence}"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("MlflowException Error: invalid_request: qa: too long.", "invalid_request: qa: too long"),
        ("Error: a. Error: b\nTraceback\n  Error", "b"),
        ("  a\nb.\n", "a"),
        ("a...", "a"),
        ("{name} {0}", "{name} {0}"),
    ],
)
def test_message_is_the_first_line_after_the_last_prefix(text: str, message: str) -> None:
    with pytest.raises(ServingError) as caught, translate_errors("asking"):
        raise NotFound(text)
    assert caught.value.message == f"asking: not found: {message}"


@pytest.mark.parametrize("error", [ServingError("as it is"), ValueError("a"), KeyError("a")])
def test_error_of_our_own_code_passes_through(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, translate_errors("asking"):
        raise error
    assert caught.value is error


def test_client_of_a_workspace_waits_for_slow_calls(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect_workspace()
    assert (client.config.http_timeout_seconds, client.config.retry_timeout_seconds) == (300, 300)
    assert client.config.token == stand_in.key
    assert logging.getLogger("databricks.sdk").level == logging.ERROR


def record_attempts(monkeypatch: pytest.MonkeyPatch, failures: int) -> list[tuple[str, dict[str, Any]]]:
    """Return the list that receives host and options of each attempt, of which the first ones fail."""
    attempts: list[tuple[str, dict[str, Any]]] = []

    def head(host: str, **options: Any) -> requests.Response:
        attempts.append((host, options))
        if len(attempts) <= failures:
            raise requests.ConnectTimeout
        return requests.Response()

    monkeypatch.setattr(requests, "head", head)
    return attempts


def test_configured_workspace_is_tried_once(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = record_attempts(monkeypatch, failures=1)
    with pytest.raises(ServingError) as caught:
        connect_workspace()
    ((host, options),) = attempts
    assert options == {"timeout": 10, "verify": True}
    assert caught.value.message == (
        f"cannot reach the workspace {host} (ConnectTimeout); check DATABRICKS_HOST, or the profile in "
        "~/.databrickscfg, and the network"
    )


def test_skipped_verification_of_certificates_is_respected(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    attempts = record_attempts(monkeypatch, failures=0)
    host = connect_workspace().config.host
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name)
    (tmp_path / "profiles").write_text(f"[lab]\nhost = {host}\ntoken = {stand_in.key}\nskip_verify = true\n", "utf-8")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "profiles"))
    monkeypatch.setenv("DATABRICKS_CONFIG_PROFILE", "lab")
    connect_workspace()
    assert [(attempted, options["verify"]) for attempted, options in attempts] == [(host, True), (host, False)]


def test_new_workspace_is_tried_until_it_answers(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    host = str(connect_workspace().config.host)
    attempts = record_attempts(monkeypatch, failures=3)
    monkeypatch.setattr(connection, "_RETRY_PAUSE", 0)
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    assert connect_workspace(host).config.host == host
    assert attempts == [(host, {"timeout": 10, "verify": True})] * 4


def test_new_workspace_that_never_answers_is_reported(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = record_attempts(monkeypatch, failures=99)
    monkeypatch.setattr(connection, "_RETRY_PAUSE", 0.05)
    monkeypatch.setattr(connection, "_NEW_WORKSPACE_SECONDS", 0.12)
    with pytest.raises(ServingError, match=r"^cannot reach the workspace http://new.test \(ConnectTimeout\); check"):
        connect_workspace("http://new.test")
    assert 2 <= len(attempts) <= 4


def test_missing_configuration_names_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ServingError) as caught:
        connect_workspace()
    assert caught.value.message == (
        "no Databricks workspace is configured; set DATABRICKS_HOST and sign in with the Databricks CLI, or set "
        "DATABRICKS_CONFIG_PROFILE"
    )
