"""Clients of an event loop: created once, created again after a failure, closed at the end."""

import asyncio
from typing import Any

import pytest

from model.runtime.loop_resources import close_all, get_or_create, get_or_create_sync, http_client


class Factory:
    """Factory of numbered clients, which counts its calls and fails as often as it is to."""

    def __init__(self, failures: int = 0) -> None:
        self.calls, self.failures = 0, failures
        self.may_end = asyncio.Event()

    def create_at_once(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise OSError(f"attempt {self.calls}")
        return f"client {self.calls}"

    async def create(self) -> str:
        await asyncio.sleep(0)
        return self.create_at_once()

    async def create_slowly(self) -> str:
        await self.may_end.wait()
        return self.create_at_once()


def test_resource_is_created_once_for_each_key() -> None:
    async def create_thrice() -> list[Any]:
        factory = Factory()
        return [await get_or_create(key, factory.create) for key in ("a", "a", ("a", 1))]

    assert asyncio.run(create_thrice()) == ["client 1", "client 1", "client 2"]


def test_concurrent_callers_share_an_attempt() -> None:
    async def create_at_once() -> tuple[list[Any], int]:
        factory = Factory()
        return await asyncio.gather(*(get_or_create("a", factory.create) for _ in range(3))), factory.calls

    assert asyncio.run(create_at_once()) == (["client 1"] * 3, 1)


def test_failure_reaches_all_waiting_callers_and_the_next_tries_again() -> None:
    async def fail_once() -> tuple[list[str], str]:
        factory = Factory(failures=1)
        results = await asyncio.gather(*(get_or_create("a", factory.create) for _ in range(3)), return_exceptions=True)
        return [f"{type(result).__name__}: {result}" for result in results], await get_or_create("a", factory.create)

    assert asyncio.run(fail_once()) == (["OSError: attempt 1"] * 3, "client 2")


def test_cancelled_caller_does_not_cancel_the_creation() -> None:
    async def cancel_first() -> tuple[str, int]:
        factory = Factory()
        first, second = (asyncio.ensure_future(get_or_create("a", factory.create_slowly)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert first.cancelled()
        factory.may_end.set()
        return await second, factory.calls

    assert asyncio.run(cancel_first()) == ("client 1", 1)


def test_creation_whose_callers_left_is_used_by_the_next() -> None:
    async def cancel_and_ask() -> tuple[str, int]:
        factory = Factory()
        caller = asyncio.ensure_future(get_or_create("a", factory.create_slowly))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        factory.may_end.set()
        return await get_or_create("a", factory.create), factory.calls

    assert asyncio.run(cancel_and_ask()) == ("client 1", 1)


def test_synchronous_resource_is_created_once_for_each_key() -> None:
    async def create_thrice() -> list[Any]:
        factory = Factory()
        return [get_or_create_sync(key, factory.create_at_once) for key in ("a", "a", "b")]

    assert asyncio.run(create_thrice()) == ["client 1", "client 1", "client 2"]


def test_synchronous_failure_is_not_kept() -> None:
    async def fail_once() -> str:
        factory = Factory(failures=1)
        with pytest.raises(OSError, match="attempt 1"):
            get_or_create_sync("a", factory.create_at_once)
        return str(get_or_create_sync("a", factory.create_at_once))

    assert asyncio.run(fail_once()) == "client 2"


def test_loops_do_not_share_resources() -> None:
    factory = Factory()

    async def create() -> Any:
        return await get_or_create("a", factory.create)

    assert [asyncio.run(create()) for _ in range(2)] == ["client 1", "client 2"]


def test_resources_need_a_running_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        get_or_create_sync("a", str)


async def ignore_response(_response: Any) -> None: ...


def test_clients_of_a_loop_share_http_connections_until_its_end() -> None:
    async def open_and_close() -> tuple[bool, list[bool]]:
        first, second = http_client(ignore_response), http_client(ignore_response)
        states = [first.is_closed]
        await close_all()
        states.append(first.is_closed)
        third = http_client(ignore_response)
        states.append(third.is_closed)
        assert third is not first
        await close_all()
        return first is second, [*states, third.is_closed]

    assert asyncio.run(open_and_close()) == (True, [False, True, False, True])


def test_hook_receives_each_response() -> None:
    statuses: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async def observe_status(response: Any) -> None:
        statuses.append(response.status_code)

    async def request_twice() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            for _ in range(2):
                await http_client(observe_status).get(f"http://127.0.0.1:{port}/")
            await close_all()

    asyncio.run(request_twice())
    assert statuses == [204, 204]


def test_closing_drops_all_resources_and_needs_none() -> None:
    async def close_twice() -> str:
        factory = Factory()
        await close_all()
        await get_or_create("a", factory.create)
        await close_all()
        return str(await get_or_create("a", factory.create))

    assert asyncio.run(close_twice()) == "client 2"
