"""The commands that serve: ``up`` a version, ``app`` the doors of any target, ``mcp`` on standard input and output."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from commandline.options import SIGNED

from ..errors import ServingError
from .ask import CHAMPION_URI

APP_PORT_VARIABLE = "DATABRICKS_APP_PORT"
"""Variable in which Databricks Apps give the port; there, a proxy authenticates the callers."""
ENDPOINT_VARIABLE = "MULTICHAIN_ENDPOINT"
"""Variable in which app.yaml gives the name of the App's endpoint."""


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a server: where it listens, who may call it, and what it logs."""
    options = [
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
        click.option(
            "--port", default=5000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on."
        ),
        click.option(
            "--token",
            envvar="MULTICHAIN_TOKEN",
            default="",
            help="Token that each call needs, of 16 characters or more. [env: MULTICHAIN_TOKEN]",
        ),
        click.option(
            "--tokens",
            "token_file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="YAML file of tokens with names, calls per minute and dollars per day; see docs/doors.md.",
        ),
        click.option(
            "--allow-host",
            "allowed_names",
            multiple=True,
            metavar="NAME",
            help="Name besides those of this machine by which the server may be called; * allows any name.",
        ),
        click.option(
            "--allow-origin",
            "allowed_origins",
            multiple=True,
            metavar="ORIGIN",
            help="Other web page that may call the server (CORS), such as https://intranet.example.com.",
        ),
        click.option(
            "--calls-per-minute",
            default=0,
            type=click.IntRange(min=0),
            help="Most calls of a client within a minute; 0 means no limit.",
        ),
        click.option("--audit-questions", is_flag=True, help="Note the questions in the audit lines of the log, too."),
        click.option(
            "--grace",
            default=25,
            show_default=True,
            type=click.IntRange(min=1),
            help="Seconds after SIGTERM or Ctrl+C within which requests under way may still be answered.",
        ),
        click.option(
            "--log-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="File of the server's log, which is rotated at 10 MB. [default: a temporary file, removed at the end]",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.option("--target", default=CHAMPION_URI, show_default=True, help="Version to serve.")
@click.option("--stream", is_flag=True, expose_value=False, help="Without effect, since /stream is always served.")
@server_options
@SIGNED
def up(target: str, signed: Path | None, log_file: Path | None, **options: Any) -> None:
    """Serve a version on this machine: a page, MLflow's routes, MCP, and OpenAI's protocol.

    A version of which a file was changed since it was logged is not loaded. The server is called by the names of this
    machine alone, unless --allow-host gives others, and beyond this machine only with a token. It ends on SIGTERM and
    Ctrl+C, at the latest --grace seconds after.
    """
    from ..local.server import serve

    serve("up", _read_settings(target, str(signed.absolute()) if signed else "", **options), log_file)


@click.command()
@click.option(
    "--target",
    help="Where requests go: models:/NAME@ALIAS, a folder, http://HOST:PORT, or endpoints:/NAME. [default: the "
    f"endpoint that MULTICHAIN_ENDPOINT names, else {CHAMPION_URI}]",
)
@server_options
def app(target: str | None, log_file: Path | None, **options: Any) -> None:
    """Serve the page, MCP and OpenAI's protocol for a version, a server or an endpoint.

    As a Databricks App, the command listens on the port of DATABRICKS_APP_PORT, and asks the endpoint with the rights
    of the user who calls.
    """
    from ..local.server import serve

    endpoint = os.environ.get(ENDPOINT_VARIABLE, "")
    target = target or (f"endpoints:/{endpoint}" if endpoint else CHAMPION_URI)
    serve("app", _read_settings(target, "", **options), log_file)


@click.command()
@click.option(
    "--target",
    default=CHAMPION_URI,
    show_default=True,
    help="Where calls go: models:/NAME@ALIAS, a folder, http://HOST:PORT, or endpoints:/NAME.",
)
def mcp(target: str) -> None:
    """Offer the stages of a target as MCP tools on standard input and output."""
    import anyio

    from ..doors.async_target import AsyncTarget
    from ..doors.calls import CallRecorder
    from ..doors.mcp_server import make_mcp_server, serve_stdio
    from ..targets import open_target

    anyio.run(serve_stdio, make_mcp_server(AsyncTarget(open_target(target), CallRecorder())))


def _read_settings(
    target: str,
    public_key: str,
    *,
    host: str,
    port: int,
    token: str,
    token_file: Path | None,
    allowed_names: tuple[str, ...],
    allowed_origins: tuple[str, ...],
    calls_per_minute: int,
    audit_questions: bool,
    grace: int,
) -> Any:
    """Return the settings of the server's process.

    Raises:
        ServingError: The tokens cannot be read, or a server that is reached from elsewhere has none.
    """
    from ..doors.settings import DoorSettings
    from ..doors.tokens import make_token, read_tokens
    from ..local.request_limits import LOOPBACK_NAMES
    from ..local.server import ANY_ADDRESS
    from ..local.server_settings import ServerSettings

    app_port = os.environ.get(APP_PORT_VARIABLE, "")
    tokens = [*([make_token("token", token)] if token else []), *(read_tokens(token_file) if token_file else [])]
    if app_port:
        host, port = "0.0.0.0", int(app_port)  # noqa: S104 - the proxy of Databricks Apps stands before it
    elif host not in LOOPBACK_NAMES and not tokens:
        raise ServingError(
            f"--host {host} can be reached from other machines, so each call needs a token; give --token, for example "
            f"{secrets.token_urlsafe(24)}, or a file of --tokens"
        )
    return ServerSettings(
        target=target,
        host=host,
        port=port,
        grace=grace,
        log_level=os.environ.get("MULTICHAIN_LOG_LEVEL", "info"),
        doors=DoorSettings(
            allowed_names=[*allowed_names, *([] if host in ANY_ADDRESS else [host])],
            allowed_origins=list(allowed_origins),
            tokens=tokens,
            trusts_proxy=bool(app_port),
            calls_per_minute=calls_per_minute,
            notes_questions=audit_questions,
        ),
        public_key=public_key,
    )
