"""A scripted target, and a server with all doors to it."""

from collections.abc import Iterator

import pytest

from tests.door_server import ScriptedTarget, make_app, serve_app


@pytest.fixture
def target() -> ScriptedTarget:
    return ScriptedTarget()


@pytest.fixture
def server(target: ScriptedTarget) -> Iterator[str]:
    """Yield the address of a server with all doors to the target."""
    with serve_app(make_app(target)) as address:
        yield address
