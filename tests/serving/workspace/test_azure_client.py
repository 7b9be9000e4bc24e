"""Clients of Azure Resource Manager, their address and credential, and the sentences for errors of Azure's SDKs."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import DefaultAzureCredential

from serving.errors import ServingError
from serving.workspace.azure_client import get_or_none, make_clients, translate_errors
from standin.app import StandIn

MISSING = "Azure's SDK is not installed; pip install -e '.[azure]'"
RETRY = "run the command again"


class Reply:
    """A reply of Azure, as far as its SDK reads the reply for an error."""

    reason = "refused"

    def __init__(self, status: int, code: str = "") -> None:
        self.status_code = status
        self._text = json.dumps({"error": {"code": code, "message": "m"}}) if code else ""

    def text(self, encoding: str | None = None) -> str:
        return self._text

    def body(self) -> bytes:
        return self._text.encode()


def make_error(kind: type[HttpResponseError], status: int, code: str = "") -> HttpResponseError:
    """Return the error that Azure's SDK raises for a status and an error code."""
    reply: Any = Reply(status, code)
    return kind(response=reply)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            make_error(ClientAuthenticationError, 401, "ExpiredAuthenticationToken"),
            "authentication at Azure failed; run az login, or set the variables of a service principal",
        ),
        (
            make_error(HttpResponseError, 403, "AuthorizationFailed"),
            f"permission denied; get the role Contributor, then {RETRY}",
        ),
        (make_error(ResourceExistsError, 409, "Conflict"), f"another change is in progress; {RETRY} later"),
        (make_error(HttpResponseError, 400, "QuotaExceeded"), f"Azure refused the request (QuotaExceeded); {RETRY}"),
        (make_error(HttpResponseError, 500), f"Azure refused the request (HttpResponseError); {RETRY}"),
        (make_error(ResourceNotFoundError, 404), f"Azure refused the request (ResourceNotFoundError); {RETRY}"),
        (HttpResponseError("no reply"), f"Azure refused the request (HttpResponseError); {RETRY}"),
        (ServiceRequestError("no route"), f"cannot reach Azure (ServiceRequestError); {RETRY}"),
        (ServiceResponseError("cut off"), f"cannot reach Azure (ServiceResponseError); {RETRY}"),
    ],
)
def test_error_of_azure_becomes_a_sentence(error: Exception, sentence: str) -> None:
    with pytest.raises(ServingError) as caught, translate_errors("creating the workspace ws"):
        raise error
    assert caught.value.message == f"creating the workspace ws: {sentence}"
    assert caught.value.__suppress_context__


def test_other_error_passes_through() -> None:
    error = ValueError("a")
    with pytest.raises(ValueError, match=r"^a$") as caught, translate_errors("creating"):
        raise error
    assert caught.value is error


def test_missing_resource_is_none_and_other_errors_pass_through() -> None:
    assert get_or_none(lambda: 5) == 5
    assert get_or_none(make_raiser(make_error(ResourceNotFoundError, 404, "ResourceGroupNotFound"))) is None
    with pytest.raises(HttpResponseError):
        get_or_none(make_raiser(make_error(HttpResponseError, 403)))


def make_raiser(error: Exception) -> Callable[[], object]:
    """Return a function that raises an error."""

    def fail() -> object:
        raise error

    return fail


@pytest.mark.parametrize("module", ["azure.identity", "azure.mgmt.databricks", "azure.mgmt.resource.resources"])
def test_missing_sdk_is_reported_with_the_extra(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ServingError) as caught:
        make_clients("s-1")
    assert caught.value.message == MISSING


def test_block_without_the_sdk_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.core.exceptions", None)
    steps = list[str]()
    with pytest.raises(ServingError) as caught, translate_errors("creating"):
        steps.append("run")
    assert (caught.value.message, steps) == (MISSING, [])


@pytest.mark.parametrize(
    ("variable", "scope"),
    [
        (None, "https://management.azure.com/.default"),
        ("", "https://management.azure.com/.default"),
        ("https://management.usgovcloudapi.net", "https://management.usgovcloudapi.net/.default"),
    ],
)
def test_token_is_requested_for_the_address_of_the_variable(
    variable: str | None, scope: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes = list[str]()

    def refuse_token(_credential: object, *requested: str, **_options: Any) -> None:
        scopes.extend(requested)
        raise ClientAuthenticationError("signed out")

    monkeypatch.setattr(DefaultAzureCredential, "get_token", refuse_token)
    monkeypatch.setattr(DefaultAzureCredential, "get_token_info", refuse_token)
    monkeypatch.delenv("AZURE_RESOURCE_MANAGER", raising=False)
    if variable is not None:
        monkeypatch.setenv("AZURE_RESOURCE_MANAGER", variable)
    clients = make_clients("s-1")
    for call in (clients.groups.get, lambda name: clients.workspaces.get(name, "ws")):
        with pytest.raises(ClientAuthenticationError):
            call("rg")
    assert scopes == [scope, scope]


def test_plain_http_gets_the_token_of_the_variable(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_RESOURCE_MANAGER", os.environ["DATABRICKS_HOST"])
    monkeypatch.setenv("AZURE_TOKEN", stand_in.key)
    clients = make_clients("s-1")
    clients.groups.create_or_update("rg", {"location": "westeurope"})
    assert stand_in.azure.groups.keys() == {"rg"}
    monkeypatch.delenv("AZURE_TOKEN")
    with pytest.raises(ClientAuthenticationError):
        make_clients("s-1").groups.get("rg")
