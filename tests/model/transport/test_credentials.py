"""Credentials and addresses: where they come from, and the errors when they are missing or wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.config import environment
from model.contract.events import discard
from model.errors import CredentialError, MultichainError
from model.providers.azure import AzureProvider
from model.providers.compatible import CompatibleProvider
from model.providers.databricks import DatabricksProvider
from model.providers.openai import OpenAIProvider
from model.runtime.event_loop import Engine
from standin.app import StandIn

azure, compatible, databricks, openai = AzureProvider(), CompatibleProvider(), DatabricksProvider(), OpenAIProvider()


@pytest.fixture
def unconfigured_stand_in(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Return the stand-in, with no key and no address set."""
    for name in ("OPENAI", "COMPATIBLE", "AZURE_OPENAI"):
        monkeypatch.delenv(f"{name}_API_KEY")
    for name in ("COMPATIBLE_BASE_URL", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name)
    return stand_in


@pytest.mark.parametrize(
    ("make_call", "sentence"),
    [
        (
            lambda: openai.chat(["a"]).complete("Hi", "", discard),
            "OPENAI_API_KEY is not set; set it to your key for OpenAI",
        ),
        (
            lambda: compatible.embeddings("a").embed(["a"]),
            "COMPATIBLE_BASE_URL is not set; set it to the address, ending in /v1, of your server",
        ),
        (
            lambda: azure.list_statuses(["a"]),
            "AZURE_OPENAI_ENDPOINT is not set; set it to the address of your resource at Azure OpenAI",
        ),
    ],
)
def test_missing_credential_error_names_variable_and_remedy(
    make_call: Callable[[], Any], sentence: str, unconfigured_stand_in: StandIn
) -> None:
    with pytest.raises(CredentialError) as error:
        Engine().run(make_call())
    assert str(error.value) == sentence


def test_multichain_variable_takes_precedence_over_openai_variable(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    monkeypatch.setenv("MULTICHAIN_OPENAI_API_KEY", stand_in.key)
    assert engine.run(openai.chat(["gpt-4.1"]).complete("Hi", "", discard)).answered_by == "openai:gpt-4.1"


def test_key_with_trailing_newline_is_accepted(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{stand_in.key}\n")
    assert engine.run(openai.chat(["gpt-4.1"]).complete("Hi", "", discard)).answered_by == "openai:gpt-4.1"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("OPENAI_API_KEY", "sk-\u043a", "OPENAI_API_KEY contains a non-ASCII character; copy it again"),
        ("OPENAI_BASE_URL", "nonsense", "OPENAI_BASE_URL is not an address; write https://…, or http://… for a"),
    ],
)
def test_malformed_key_or_address_is_rejected(
    name: str, value: str, sentence: str, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(CredentialError, match=sentence):
        Engine().run(openai.chat(["gpt-4.1"]).complete("Hi", "", discard))


def test_malformed_databricks_host_is_rejected(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "nonsense")
    with pytest.raises(CredentialError, match="DATABRICKS_HOST is not an address; write it as https://adb-"):
        Engine().run(databricks.chat(["a"]).complete("Hi", "", discard))


def test_wrong_databricks_token_error_names_variable(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "wrong")
    with pytest.raises(CredentialError, match="databricks does not take this token; check DATABRICKS_TOKEN"):
        Engine().run(databricks.list_statuses(["a"]))


def test_key_is_read_from_secret_scope(unconfigured_stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.SECRET_SCOPE.name, "team")
    with pytest.raises(CredentialError, match="OPENAI_API_KEY is not set and not in the secret scope team; set it to"):
        Engine().run(openai.chat(["gpt-4.1"]).complete("Hi", "", discard))
    unconfigured_stand_in.secrets["team", "OPENAI_API_KEY"] = unconfigured_stand_in.key
    assert Engine().run(openai.chat(["gpt-4.1"]).complete("Hi", "", discard)).answered_by == "openai:gpt-4.1"


def test_unreadable_secret_scope_raises_credential_error(
    unconfigured_stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment.SECRET_SCOPE.name, "team")
    monkeypatch.setenv("DATABRICKS_TOKEN", "wrong")
    with pytest.raises(CredentialError, match="the secret scope team cannot be read"):
        Engine().run(openai.chat(["gpt-4.1"]).complete("Hi", "", discard))


def test_rejected_key_error_does_not_contain_the_key(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-91b2")
    with pytest.raises(MultichainError) as error:
        Engine().run(openai.chat(["gpt-4.1"]).complete("Hi", "", discard))
    assert error.value.coded_message.startswith("credential: openai:gpt-4.1 rejects the key")
    assert "planted" not in repr(error.value)


def test_azure_without_key_authenticates_with_entra_id(
    unconfigured_stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(isolate_managed_identity(unconfigured_stand_in, monkeypatch))
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", address)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{address}/standin/identity")
    monkeypatch.setenv("IDENTITY_HEADER", "x")
    engine = Engine()
    assert engine.run(azure.chat(["gpt-4.1"]).complete("Hi", "", discard)).answered_by == "azure:gpt-4.1"
    assert engine.run(azure.embeddings("text-embedding-3-small", 8).embed(["a"])).shape == (1, 8)
    images = azure.images(["gpt-image-2"], way="images")
    assert engine.run(images.draw("A city", [], style="", size="", sample=1)).answered_by == "azure:gpt-image-2"


def isolate_managed_identity(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the stand-in's address, and leave the managed identity as the only login."""
    import os

    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    return os.environ["DATABRICKS_HOST"]


def test_entra_id_without_azure_identity_names_extra(
    unconfigured_stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("model.providers.azure._is_identity_installed", lambda: False)
    with pytest.raises(CredentialError, match=r"needs azure-identity.*pip install -e '.\[azure\]'"):
        Engine().run(azure.chat(["gpt-4.1"]).complete("Hi", "", discard))


def test_databricks_without_workspace_raises_credential_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CredentialError, match="no Databricks workspace is configured; set DATABRICKS_HOST"):
        Engine().run(databricks.chat(["a"]).complete("Hi", "", discard))
