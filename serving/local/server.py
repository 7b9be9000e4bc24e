"""A version behind REST on this machine: a server around MLflow's own routes, watched until it answers."""

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

from ..errors import ServingError
from .client import require_store

_MAX_START_SECONDS = 120
_EXAMPLE_BODY = '{"inputs": {"qa": {"question": "Tell me about LangChain."}}}'


def serve(target: str, host: str, port: int, *, stream: bool) -> None:
    """Serves ``target`` until interrupted, with ``stream`` also /stream.

    Raises ServingError when the port is taken or the server ends.
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
        click.echo(f"Serving {target} at http://{host}:{port}; Ctrl+C ends it. Try:")
        for route in ("/invocations", *["/stream"] * stream):
            buffered = "-N " if route == "/stream" else ""
            click.echo(
                f"curl {buffered}http://{host}:{port}{route} -H 'Content-Type: application/json' -d '{_EXAMPLE_BODY}'"
            )
        click.echo(f"Its log:\n{log}")
        server.wait()
    except KeyboardInterrupt:
        click.echo("Stopped.")
    finally:
        _stop(server)


def _require_free_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServingError(
                f"cannot listen on {host}:{port} ({error.strerror}); give another --port, or end what uses it"
            ) from None


def _wait_until_ready(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
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
        last_line = (log.read_text("utf-8", "replace").strip().splitlines() or ["nothing"])[-1]
        raise ServingError(f"the server ended before it answered; the last that it said: {last_line}")
    raise ServingError(f"the server did not answer within {_MAX_START_SECONDS} s; its log is {log}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """Ends the server and the workers that it started."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
