"""The stand-in on a port of this machine."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from .app import StandIn


def make_server(stand_in: StandIn, port: int) -> uvicorn.Server:
    """Ready to ``run`` on 127.0.0.1; port 0 is a free one."""
    settings = uvicorn.Config(stand_in.app(), host="127.0.0.1", port=port, log_level="critical", ws="none")
    return uvicorn.Server(settings)


def environment_variables(address: str, key: str) -> dict[str, str]:
    """What points each spelling of the protocol at the stand-in."""
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
    """Its address, while it runs in a thread of its own."""
    server_of_stand_in = make_server(stand_in, port)
    thread = threading.Thread(target=server_of_stand_in.run)
    thread.start()
    while not server_of_stand_in.started and thread.is_alive():
        time.sleep(0.01)
    if not server_of_stand_in.started:
        raise OSError(f"port {port} of this machine is in use")
    try:
        yield f"http://127.0.0.1:{server_of_stand_in.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server_of_stand_in.should_exit = True
        server_of_stand_in.force_exit = True
        thread.join()
