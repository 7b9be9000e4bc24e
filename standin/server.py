"""The stand-in on a port of this machine."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from .app import StandIn


def server(stand_in: StandIn, port: int) -> uvicorn.Server:
    """Ready to ``run`` on 127.0.0.1; port 0 is a free one."""
    settings = uvicorn.Config(stand_in.app(), host="127.0.0.1", port=port, log_level="critical", ws="none")
    return uvicorn.Server(settings)


def variables(address: str, key: str) -> dict[str, str]:
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
def running(stand_in: StandIn, port: int = 0) -> Iterator[str]:
    """Its address, while it runs in a thread of its own."""
    made = server(stand_in, port)
    thread = threading.Thread(target=made.run)
    thread.start()
    while not made.started and thread.is_alive():
        time.sleep(0.01)
    if not made.started:
        raise OSError(f"port {port} of this machine is in use")
    try:
        yield f"http://127.0.0.1:{made.servers[0].sockets[0].getsockname()[1]}"
    finally:
        made.should_exit = True
        made.force_exit = True
        thread.join()
