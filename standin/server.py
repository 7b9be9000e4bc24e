"""Run the stand-in on a port of this machine."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from .app import StandIn


def make_server(stand_in: StandIn, port: int) -> uvicorn.Server:
    """Return a server that is ready to ``run`` on 127.0.0.1.

    Args:
        stand_in: Application to serve.
        port: Port to listen on; 0 for a free one.

    Returns:
        The server.
    """
    settings = uvicorn.Config(stand_in.app(), host="127.0.0.1", port=port, log_level="critical", ws="none")
    return uvicorn.Server(settings)


def environment_variables(address: str, key: str) -> dict[str, str]:
    """Return the environment variables that point each spelling of the protocol at the stand-in.

    Args:
        address: URL of the stand-in.
        key: API key that the stand-in expects.

    Returns:
        Values by name of the variable.
    """
    return {
        "OPENAI_API_KEY": key,
        "OPENAI_BASE_URL": f"{address}/v1",
        "AZURE_OPENAI_API_KEY": key,
        "AZURE_OPENAI_ENDPOINT": address,
        "DATABRICKS_HOST": address,
        "DATABRICKS_TOKEN": key,
        "COMPATIBLE_API_KEY": key,
        "COMPATIBLE_BASE_URL": f"{address}/v1",
    }


@contextmanager
def run_stand_in(stand_in: StandIn, port: int = 0) -> Iterator[str]:
    """Run the stand-in in a thread of its own, until the context ends.

    Args:
        stand_in: Application to serve.
        port: Port to listen on; 0 for a free one.

    Yields:
        The URL of the stand-in.

    Raises:
        OSError: The port is in use.
    """
    server = make_server(stand_in, port)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    if not server.started:
        raise OSError(f"port {port} of this machine is in use; choose another with --port")
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True  # not after calls that hang
        thread.join()
