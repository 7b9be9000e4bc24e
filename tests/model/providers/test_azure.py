"""Azure OpenAI: what its addresses, versions and keys are, and the errors of Entra ID."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from model.contract.events import discard
from model.errors import CredentialError, ModelUnavailableError
from model.interfaces import ModelStatus
from model.providers.azure import AzureProvider
from model.runtime.event_loop import Engine
from standin.app import StandIn
from tests.fixtures import run_site

azure = AzureProvider()


class Resource(BaseHTTPRequestHandler):
    """A resource at which no deployment exists. It records the requests."""

    requests: ClassVar[list[tuple[str, dict[str, str]]]] = []
    models: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.requests.append((self.path, {name.lower(): text for name, text in self.headers.items()}))
        self.rfile.read(int(self.headers["content-length"]))
        self.send_json(404, {"error": {"code": "DeploymentNotFound", "message": "no"}})

    def do_GET(self) -> None:
        self.requests.append((self.path, {}))
        if self.path.startswith("/identity"):
            self.send_json(400, {"error": "invalid_client"})
        else:
            self.send_json(200, {"object": "list", "data": self.models})

    def send_json(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@pytest.fixture
def resource(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the address of a resource, which the variables of Azure OpenAI name."""
    Resource.requests.clear()
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "planted-key")
    monkeypatch.delenv("AZURE_OPENAI_API_VERSION", raising=False)
    with run_site(Resource) as address:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", address)
        yield address


def call_service(role: str, engine: Engine) -> tuple[str, dict[str, str]]:
    """Call the resource, which refuses, and return path and headers of the request."""
    work = {
        "chat": lambda: azure.chat(["mine"]).complete("Hi", "", discard),
        "embeddings": lambda: azure.embeddings("mine").embed(["a"]),
        "images": lambda: azure.images(["mine"], way="images").draw("A city", [], style="", size="", sample=1),
    }[role]
    with pytest.raises(ModelUnavailableError, match=r"^azure:mine does not exist, or no longer exists"):
        engine.run(work())
    (request,) = Resource.requests
    return request


@pytest.mark.usefixtures("resource")
@pytest.mark.parametrize(
    ("role", "path"), [("chat", "chat/completions"), ("embeddings", "embeddings"), ("images", "images/generations")]
)
def test_request_names_deployment_version_and_key(role: str, path: str, engine: Engine) -> None:
    address, headers = call_service(role, engine)
    assert address == f"/openai/deployments/mine/{path}?api-version=2024-10-21"
    assert headers["api-key"] == "planted-key"
    assert "planted-key" not in headers.get("authorization", "")


@pytest.mark.usefixtures("resource")
def test_variable_overrides_the_version_of_the_api(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_VERSION", "2025-04-01-preview")
    address, _ = call_service("chat", engine)
    assert parse_qs(urlsplit(address).query) == {"api-version": ["2025-04-01-preview"]}


def test_service_that_knows_the_caller_by_key_needs_no_entra_id(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.providers.azure._is_identity_installed", lambda: False)
    assert engine.run(azure.chat(["gpt-4.1"]).complete("Hi", "", discard)).answered_by == "azure:gpt-4.1"
    assert stand_in.script.calls[0][1]["model"] == "gpt-4.1"


def test_identity_without_a_token_says_what_to_do(
    resource: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_OPENAI_API_KEY", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{resource}/identity")
    monkeypatch.setenv("IDENTITY_HEADER", "x")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CredentialError) as error:
        engine.run(azure.chat(["mine"]).complete("Hi", "", discard))
    assert str(error.value) == (
        "AZURE_OPENAI_API_KEY is not set, and Entra ID returned no token; set the key, log in, or give this "
        "machine's identity the role Cognitive Services OpenAI User"
    )
    (path, _), *_ = Resource.requests
    assert parse_qs(urlsplit(path).query)["resource"] == ["https://cognitiveservices.azure.com"]


@pytest.mark.parametrize(("is_installed", "extra"), [(True, {"azure-identity"}), (False, set())])
def test_distributions_include_azure_identity_where_it_is_installed(
    is_installed: bool, extra: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.providers.azure._is_identity_installed", lambda: is_installed)
    common = {"langchain-openai", "openai", "aiohttp", "tenacity", "pillow"}
    assert azure.find_distributions({"models": ["a"]}) == common | extra
    assert azure.find_distributions({"chat_models": ["a"]}) == common | {"pygraphviz", "textblob"} | extra


@pytest.mark.parametrize(
    ("deprecation", "end_date"),
    [
        ({"inference": 1_900_000_000}, "2030-03-17"),
        ({"inference": 1_893_455_999}, "2029-12-31"),
        ({"inference": 1_893_456_000}, "2030-01-01"),
        ({"inference": None}, ""),
        ({"fine_tune": 1_900_000_000}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_end_date_is_the_day_in_utc_or_unknown(
    deprecation: dict[str, Any] | None,
    end_date: str,
    resource: str,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = {"id": "mine", "object": "model", "deprecation": deprecation}
    monkeypatch.setattr(Resource, "models", [entry])
    assert engine.run(azure.list_statuses(["mine"])) == [ModelStatus("azure:mine", listed=True, end_date=end_date)]
    assert Resource.requests[0][0] == "/openai/models?api-version=2024-10-21"


def test_image_tool_is_called_without_a_deployment_in_the_path(stand_in: StandIn, engine: Engine) -> None:
    generator = azure.images(["gpt-image-2"], ["gpt-4.1"], way="responses")
    picture = engine.run(generator.draw("A city", [], style="", size="", sample=1))
    assert picture.answered_by == "azure:gpt-4.1"
    assert [path for path, _ in stand_in.script.calls] == ["responses"]
