"""Clients of a Databricks workspace: addresses, limits of time, logins, and errors in this project's words."""

import asyncio
import logging
import os
from pathlib import Path

import pytest
from databricks.sdk.errors import (
    DatabricksError,
    NotFound,
    PermissionDenied,
    ResourceDoesNotExist,
    TooManyRequests,
    Unauthenticated,
)

from model.errors import CredentialError, MultichainError, ProviderUnavailableError, RejectedCallError
from model.runtime import loop_resources
from model.transport.databricks_client import (
    authentication_headers,
    connect_workspace,
    shared_client,
    translate_errors,
)
from standin.app import StandIn

ABSENT = "the index is not there, or not permitted to whoever runs this"
REJECTION = "databricks does not take this token; check DATABRICKS_TOKEN, or log in"
HOST = "DATABRICKS_HOST is not an address; write it as https://adb-....azuredatabricks.net"


def describe_failure(name: str) -> str:
    return f"the index cannot be looked up ({name}); try again, or check DATABRICKS_HOST"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (NotFound("secret"), RejectedCallError, ABSENT),
        (ResourceDoesNotExist("secret"), RejectedCallError, ABSENT),
        (PermissionDenied("secret"), RejectedCallError, ABSENT),
        (Unauthenticated("secret"), CredentialError, REJECTION),
        (TooManyRequests("secret"), ProviderUnavailableError, describe_failure("TooManyRequests")),
        (DatabricksError("secret"), ProviderUnavailableError, describe_failure("DatabricksError")),
        (ConnectionError("secret"), ProviderUnavailableError, describe_failure("ConnectionError")),
        (TimeoutError("secret"), ProviderUnavailableError, describe_failure("TimeoutError")),
    ],
)
def test_error_of_the_workspace_is_translated(error: Exception, kind: type[MultichainError], message: str) -> None:
    with pytest.raises(MultichainError) as translation, translate_errors("the index"):
        raise error
    assert (type(translation.value), str(translation.value)) == (kind, message)
    assert translation.value.__suppress_context__


@pytest.mark.parametrize("error", [ValueError("a"), KeyError("a"), CredentialError("a")])
def test_error_of_no_workspace_stays_itself(error: Exception) -> None:
    with pytest.raises(type(error)) as failure, translate_errors("the index"):
        raise error
    assert failure.value is error


@pytest.mark.parametrize(
    "host", ["nonsense", "https://nonsense", "https://a.b@nonsense:443/c.d", "//nonsense", "https://"]
)
def test_host_without_a_dot_is_no_address(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", host)
    with pytest.raises(CredentialError) as error:
        connect_workspace()
    assert str(error.value) == HOST


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_client_gives_up_in_seconds_and_logs_errors_alone(
    name: str, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = os.environ["DATABRICKS_HOST"].replace("127.0.0.1", name)
    monkeypatch.setenv("DATABRICKS_HOST", address)
    logging.getLogger("databricks.sdk").setLevel(logging.DEBUG)
    config = connect_workspace().config
    assert (config.host, config.token) == (address, stand_in.key)
    assert (config.http_timeout_seconds, config.retry_timeout_seconds) == (20, 10)
    assert logging.getLogger("databricks.sdk").level == logging.ERROR


def remove_workspace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no login to any workspace."""
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(folder / "none"))
    monkeypatch.setenv("PATH", "")


def test_workspace_that_is_not_configured_is_a_value_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remove_workspace(tmp_path, monkeypatch)
    with pytest.raises(ValueError, match="cannot configure default credentials"):
        connect_workspace()
    with pytest.raises(CredentialError) as error:
        asyncio.run(shared_client())
    assert str(error.value) == (
        "no Databricks workspace is configured; set DATABRICKS_HOST and DATABRICKS_TOKEN, or log in with "
        "databricks auth login"
    )


def test_invalid_host_keeps_its_message_for_shared_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "nonsense")
    with pytest.raises(CredentialError) as error:
        asyncio.run(authentication_headers())
    assert str(error.value) == HOST


def test_callers_of_a_loop_share_a_client(stand_in: StandIn) -> None:
    async def connect_twice() -> bool:
        first, second = await asyncio.gather(shared_client(), shared_client())
        third = await shared_client()
        await loop_resources.close_all()
        return first is second is third and await shared_client() is not first

    assert stand_in.key
    assert asyncio.run(connect_twice())


def test_headers_contain_the_token(stand_in: StandIn) -> None:
    assert asyncio.run(authentication_headers()) == {"Authorization": f"Bearer {stand_in.key}"}


@pytest.mark.parametrize("error", [ValueError("secret"), OSError("secret"), ConnectionError("secret")])
def test_failed_login_is_a_credential_error(
    error: Exception, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def authenticate() -> dict[str, str]:
        raise error

    async def request_headers() -> None:
        client = await shared_client()
        monkeypatch.setattr(client.config, "authenticate", authenticate)
        await authentication_headers()

    assert stand_in.key
    with pytest.raises(CredentialError) as failure:
        asyncio.run(request_headers())
    assert str(failure.value) == (
        f"databricks does not let this in ({type(error).__name__}); log in again, or check DATABRICKS_TOKEN"
    )
