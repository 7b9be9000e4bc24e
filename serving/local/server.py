"""Run the REST server of a version on this machine, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import requests

from commandline.subprocesses import read_last_line

from ..errors import ServingError
from .client import require_store

_MAX_START_SECONDS = 120
"""Seconds until the server must answer ``/ping``."""
_EXAMPLE_BODY = '{"inputs": {"qa": {"question": "Tell me about LangChain."}}}'


def serve(target: str, host: str, port: int, *, stream: bool) -> None:
    """Serve a version until interrupted, and print example calls.

    Args:
        target: URI or folder of the version.
        host: Address to listen on.
        port: Port to listen on.
        stream: Whether to serve ``/stream``, too.

    Raises:
        ServingError: There is no store, the port is in use, or the server ends or hangs before it answers.
    """
    require_store(target)
    _require_free_port(host, port)
    command = [sys.executable, "-m", "serving.local.app", target, host, str(port), *["--stream"] * stream]
    log = Path(tempfile.mkdtemp(prefix="multichain-up-")) / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(  # noqa: S603 - our own arguments
            command, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _wait_until_ready(server, f"http://{host}:{port}", log)
        click.echo(f"Serving {target} at http://{host}:{port}; press Ctrl+C to stop. Try:")
        for route in ("/invocations", *["/stream"] * stream):
            buffered = "-N " if route == "/stream" else ""
            click.echo(
                f"curl {buffered}http://{host}:{port}{route} -H 'Content-Type: application/json' -d '{_EXAMPLE_BODY}'"
            )
        click.echo(f"Server log:\n{log}")
        server.wait()
    except KeyboardInterrupt:
        click.echo("Stopped.")
    finally:
        _stop(server)


def _require_free_port(host: str, port: int) -> None:
    """Raise ServingError when ``port`` cannot be listened on, before the version is loaded."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServingError(
                f"cannot listen on {host}:{port} ({error.strerror}); give another --port, or stop what uses this one"
            ) from None


def _wait_until_ready(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    """Wait until the server answers ``/ping``; raise ServingError when the server ends or takes too long."""
    deadline = time.monotonic() + _MAX_START_SECONDS
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{address}/ping", timeout=5).ok:
                return
        except requests.RequestException:
            pass  # not listening yet
        try:
            server.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            continue
        last_line = read_last_line(log.read_text("utf-8", "replace"), "(empty)")
        raise ServingError(f"the server ended before it answered; last line of its log: {last_line}")
    raise ServingError(f"the server did not answer within {_MAX_START_SECONDS} s; see its log {log}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """Stop the server and the workers that it started."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
