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
from .client import check_store

_PATIENCE = 120
_EXAMPLE = '{"inputs": {"qa": {"question": "Tell me about LangChain."}}}'


def up(target: str, host: str, port: int, *, stream: bool) -> None:
    """Serves ``target`` until interrupted, with ``stream`` also /stream.

    Raises ServingError when the port is taken or the server ends.
    """
    check_store(target)
    _check_port(host, port)
    command = [sys.executable, "-m", "serving.local.app", target, host, str(port), *["--stream"] * stream]
    log = Path(tempfile.mkdtemp(prefix="multichain-up-")) / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(  # noqa: S603 - our own arguments
            command, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _wait(server, f"http://{host}:{port}", log)
        click.echo(f"Serving {target} at http://{host}:{port}; Ctrl+C ends it. Try:")
        for route in ("/invocations", *["/stream"] * stream):
            buffered = "-N " if route == "/stream" else ""
            click.echo(
                f"curl {buffered}http://{host}:{port}{route} -H 'Content-Type: application/json' -d '{_EXAMPLE}'"
            )
        click.echo(f"Its log:\n{log}")
        server.wait()
    except KeyboardInterrupt:
        click.echo("Stopped.")
    finally:
        _end(server)


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServingError(
                f"cannot listen on {host}:{port} ({error.strerror}); give another --port, or end what uses it"
            ) from None


def _wait(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        try:
            if requests.get(f"{address}/ping", timeout=5).ok:
                return
        except requests.RequestException:
            pass  # not listening yet
        try:
            server.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            continue
        last = (log.read_text("utf-8", "replace").strip().splitlines() or ["nothing"])[-1]
        raise ServingError(f"the server ended before it answered; the last that it said: {last}")
    raise ServingError(f"the server did not answer within {_PATIENCE} s; its log is {log}")


def _end(server: "subprocess.Popen[bytes]") -> None:
    """Ends the server and the workers that it started."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
