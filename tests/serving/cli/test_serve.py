"""The commands that serve: which server starts without a token, and what each refuses before it loads anything."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from serving.__main__ import serving
from serving.local.server_settings import ServerSettings

TOKEN = "a-token-of-the-tests"  # noqa: S105 - of this test alone


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ServerSettings]]:
    """Return the servers that a command would have started."""
    servers: list[tuple[str, ServerSettings]] = []
    monkeypatch.setattr(
        "serving.local.server.serve", lambda kind, settings, _log_file: servers.append((kind, settings))
    )
    return servers


def run(*words: str, **environment: str) -> Any:
    return CliRunner().invoke(serving, words, env=environment)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_server_of_this_machine_alone_needs_no_token(host: str, started: list[tuple[str, ServerSettings]]) -> None:
    assert run("up", "--host", host).exit_code == 0
    assert started[0][1].doors.tokens == []
    assert started[0][1].target == "models:/multichain@champion"


@pytest.mark.parametrize("command", ["up", "app"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])  # noqa: S104 - refused
def test_server_for_other_machines_starts_only_with_a_token(
    command: str, host: str, started: list[tuple[str, ServerSettings]]
) -> None:
    refusal = run(command, "--host", host)
    assert refusal.exit_code == 1
    assert "each call needs a token; give --token, for example" in refusal.output
    assert run(command, "--host", host, MULTICHAIN_TOKEN=TOKEN).exit_code == 0
    ((kind, settings),) = started
    assert (kind, settings.doors.tokens[0].name) == (command, "token")
    assert TOKEN not in repr(settings)


def test_short_token_is_refused_and_not_repeated(started: list[tuple[str, ServerSettings]]) -> None:
    refusal = run("up", "--token", "short")
    assert (refusal.exit_code, "fewer than 16 characters" in refusal.output) == (1, True)
    assert started == []


def test_file_of_tokens_and_one_token_hold_together(started: list[tuple[str, ServerSettings]], tmp_path: Path) -> None:
    file = tmp_path / "tokens.yaml"
    file.write_text("- {name: ann, token: another-token-of-tests, dollars_per_day: 1}\n", "utf-8")
    assert run("up", "--token", TOKEN, "--tokens", str(file)).exit_code == 0
    assert [token.name for token in started[0][1].doors.tokens] == ["token", "ann"]


def test_app_on_databricks_listens_for_its_proxy(started: list[tuple[str, ServerSettings]]) -> None:
    assert run("app", DATABRICKS_APP_PORT="8000", MULTICHAIN_ENDPOINT="multichain").exit_code == 0
    ((_, settings),) = started
    assert (settings.host, settings.port, settings.doors.trusts_proxy) == ("0.0.0.0", 8000, True)  # noqa: S104 - as Apps want
    assert settings.target == "endpoints:/multichain"


def test_stream_is_accepted_without_effect(started: list[tuple[str, ServerSettings]]) -> None:
    assert run("up", "--stream").exit_code == 0
    assert run("up").exit_code == 0
    assert started[0] == started[1]


def test_target_of_another_form_is_refused_by_mcp() -> None:
    refusal = run("mcp", "--target", "nothing")
    assert refusal.exit_code == 1
    assert "expected models:/NAME@ALIAS" in refusal.output
