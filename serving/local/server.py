"""Run the server of a version, or of the doors to a target, in a process of its own."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

import click
import requests

from commandline.scratch import open_scratch_folder
from commandline.subprocesses import read_last_line

from ..errors import ServingError
from ..targets import require_store
from .server_settings import ServerSettings

_MAX_START_SECONDS = 120
"""Seconds until the server must answer ``/healthz``."""
_END_SECONDS = 5
"""Seconds after the grace within which the server's process must have ended."""
_MAX_LOG_BYTES, _LOG_BACKUPS = 10 * 2**20, 3
"""Size of a log file, and number of earlier files that are kept beside it."""
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - the addresses are translated, not listened on
_ERROR_CLASS = re.compile(r"^[\w.]+(Error|Exception): ")
_EXAMPLE_CHAT = '{"model": "multichain/qa", "messages": [{"role": "user", "content": "Tell me about LangChain."}]}'
_EXAMPLE_BODY = '{"inputs": {"qa": {"question": "Tell me about LangChain."}}}'


def serve(kind: str, settings: ServerSettings, log_file: Path | None = None) -> None:
    """Serve until interrupted, and print example calls.

    Args:
        kind: ``up`` for a version with MLflow's routes, ``app`` for the doors of any target.
        settings: What to serve, and how.
        log_file: File of the log, which is kept; None for a temporary one.

    Raises:
        ServingError: There is no store, the port is in use, or the server ends or hangs before it answers.
    """
    require_store(settings.target)
    _require_free_port(settings.host, settings.port)
    with open_scratch_folder(kind) as folder, _write_log(log_file or folder / "server.log") as log:
        server = subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "serving.local.process", kind],
            stdin=subprocess.PIPE,  # ends with this process, which tells the server to end, too
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _send_settings(server, settings)
            address = f"http://{_to_url_host(settings.host)}:{settings.port}"
            _wait_until_ready(server, address, log_file or folder / "server.log")
            _print_examples(kind, settings, address, log_file or folder / "server.log")
            server.wait()
        except KeyboardInterrupt:
            click.echo("Stopped.")
        finally:
            _stop(server, settings.grace)


def _send_settings(server: "subprocess.Popen[bytes]", settings: ServerSettings) -> None:
    """Write the settings as the first line of the server's standard input, which stays open."""
    assert server.stdin  # noqa: S101 - it is a pipe
    with suppress(BrokenPipeError):  # the server has ended, which is told soon
        server.stdin.write(settings.to_json().encode() + b"\n")
        server.stdin.flush()


def _print_examples(kind: str, settings: ServerSettings, address: str, log: Path) -> None:
    click.echo(f"Serving {settings.target} at {address}; press Ctrl+C to stop. Try:")
    token = " -H 'Authorization: Bearer TOKEN'" if settings.doors.tokens else ""
    for route in ("/invocations", "/stream") if kind == "up" else ("/v1/chat/completions",):
        buffered = "-N " if route == "/stream" else ""
        body = _EXAMPLE_BODY if kind == "up" else _EXAMPLE_CHAT
        click.echo(f"curl {buffered}{address}{route} -H 'Content-Type: application/json'{token} -d '{body}'")
    click.echo(f"The page:\n{address}/\nMCP:\n{address}/mcp\nOpenAI's protocol:\n{address}/v1")
    if settings.doors.tokens:
        names = ", ".join(token.name for token in settings.doors.tokens)
        click.echo(f"Each call needs one of these tokens: {names}; in a browser, the token is the password.")
    elif not settings.doors.trusts_proxy:
        click.echo("No token is needed, since only this machine reaches the server.")
    click.echo(f"Server log:\n{log}")


def _to_url_host(host: str) -> str:
    """Return the host of an address by which this machine reaches the server."""
    reachable_host = ANY_ADDRESS.get(host, host)
    return f"[{reachable_host}]" if ":" in reachable_host else reachable_host


@contextmanager
def _write_log(file: Path) -> Iterator[int]:
    """Yield the end of a pipe whose lines go to ``file``, which is rotated so that it does not fill the disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(file, maxBytes=_MAX_LOG_BYTES, backupCount=_LOG_BACKUPS, encoding="utf-8")
    reading_end, writing_end = os.pipe()
    lines = os.fdopen(reading_end, encoding="utf-8", errors="replace")
    thread = threading.Thread(target=_copy_lines, args=[lines, handler], daemon=True)
    thread.start()
    try:
        yield writing_end
    finally:
        os.close(writing_end)
        thread.join(_END_SECONDS)  # a process of the version's own might hold the other end
        handler.close()


def _copy_lines(lines: IO[str], handler: RotatingFileHandler) -> None:
    with lines:
        for line in lines:
            handler.emit(logging.makeLogRecord({"msg": line.rstrip("\n")}))


def _require_free_port(host: str, port: int) -> None:
    """Raise ServingError when ``port`` cannot be listened on, before the version is loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServingError(
                f"cannot listen on {host}:{port} ({error.strerror}); give another --port, or stop what uses this one"
            ) from None


def _wait_until_ready(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    """Wait until the server answers ``/healthz``; raise ServingError when the server ends or takes too long."""
    deadline = time.monotonic() + _MAX_START_SECONDS
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{address}/healthz", timeout=5).ok:
                return
        except requests.RequestException:
            pass  # not listening yet
        try:
            server.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            continue
        raise ServingError(f"the server ended before it answered; last line of its log: {_read_last_line(log)}")
    raise ServingError(
        f"the server did not answer within {_MAX_START_SECONDS} s; last line of its log: {_read_last_line(log)}"
    )


def _read_last_line(log: Path) -> str:
    """Return the last line of the log without the class of the error that it names."""
    time.sleep(0.2)  # until the last lines have come through the pipe
    return _ERROR_CLASS.sub("", read_last_line(log.read_text("utf-8", "replace"), "(empty)"))


def _stop(server: "subprocess.Popen[bytes]", grace: int) -> None:
    """Stop the server and the workers that it started; kill them when they outlast the grace."""
    if server.poll() is not None:
        return
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(grace + _END_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
