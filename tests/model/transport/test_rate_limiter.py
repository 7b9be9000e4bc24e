"""How fast an endpoint kind is asked: at once, in a second, in a minute, and what it learns from refusals."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from model.errors import ProfileError, SettingError
from model.providers import openai
from model.transport import rate_limiter
from model.transport.rate_limiter import AdaptiveLimiter, Operation, RateLimits, TokenBucket
from standin.app import StandIn


class ServerError(Exception):
    """As an SDK raises it."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__("refused")
        self.status_code = status
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self.response = SimpleNamespace(headers=told)


class APITimeoutError(Exception):
    """By this name an SDK's is known."""


Work = Callable[[], Awaitable[None]]


async def through(made: AdaptiveLimiter, work: Work, tokens: int = 0, images: int = 0) -> None:
    async with made.acquire(tokens, images):
        await work()


async def sleep() -> None:
    await asyncio.sleep(0.02)


def failing(error: Exception) -> Work:
    async def work() -> None:
        await asyncio.sleep(0.005)
        raise error

    return work


def test_never_more_at_once_than_allowed_and_in_the_order_asked() -> None:
    running: list[int] = []
    most: list[int] = []
    begun: list[int] = []

    async def main() -> None:
        made = AdaptiveLimiter(RateLimits(concurrency=3))

        async def one(number: int) -> None:
            async with made.acquire():
                begun.append(number)
                running.append(number)
                most.append(len(running))
                await asyncio.sleep(0.005)
                running.remove(number)

        await asyncio.gather(*map(one, range(20)))

    asyncio.run(main())
    assert max(most) == 3
    assert begun == list(range(20))


def test_who_leaves_while_waiting_holds_nobody_up() -> None:
    async def main() -> float:
        made = AdaptiveLimiter(RateLimits(concurrency=1))
        first = asyncio.ensure_future(through(made, sleep))
        await asyncio.sleep(0)
        leaving = [asyncio.ensure_future(through(made, sleep)) for _ in range(3)]
        last = asyncio.ensure_future(through(made, sleep))
        await asyncio.sleep(0.005)
        for task in leaving:
            task.cancel()
        started = time.perf_counter()
        await asyncio.gather(first, last)
        return time.perf_counter() - started

    assert asyncio.run(main()) < 0.2


@pytest.mark.parametrize("error", [APITimeoutError(), ServerError(503), ServerError(529)])
def test_overload_means_fewer_at_once_and_one_round_is_one_cut(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at the clock is a hundredth of a second later, so that no answer is slower than others."""
    monkeypatch.setattr(rate_limiter, "_loop_time", count(0, 0.01).__next__)

    async def main() -> tuple[float, float, float]:
        made = AdaptiveLimiter(RateLimits(concurrency=10))
        await asyncio.gather(*(through(made, failing(error)) for _ in range(5)), return_exceptions=True)
        after_one = made.limit
        await asyncio.gather(through(made, failing(error)), return_exceptions=True)
        after_two = made.limit
        for _ in range(60):
            await through(made, lambda: asyncio.sleep(0))
        return after_one, after_two, made.limit

    after_one, after_two, later = asyncio.run(main())
    assert (after_one, after_two) == (pytest.approx(8.0), pytest.approx(6.4))
    assert later == 10


@pytest.mark.parametrize("error", [ServerError(500), ServerError(400), ValueError()])
def test_what_is_no_overload_changes_nothing(error: Exception) -> None:
    async def main() -> tuple[float, float]:
        made = AdaptiveLimiter(RateLimits())
        await asyncio.gather(through(made, failing(error)), return_exceptions=True)
        return made.limit, made.rate

    assert asyncio.run(main()) == (16, math.inf)


def test_a_refusal_sets_the_rate_that_was_answered_and_it_grows_again() -> None:
    async def main() -> list[float]:
        made = AdaptiveLimiter(RateLimits(concurrency=8))
        await asyncio.gather(*(through(made, sleep) for _ in range(40)))
        seen = []
        for _ in range(2):
            await asyncio.gather(through(made, failing(ServerError(429))), return_exceptions=True)
            seen.append(made.rate)
        await through(made, sleep)
        return [*seen, made.rate]

    first, second, grown = asyncio.run(main())
    assert first == 40
    assert second == pytest.approx(36)
    assert grown == pytest.approx(36.05)


def test_a_rate_spaces_what_begins() -> None:
    async def main() -> float:
        made = AdaptiveLimiter(RateLimits())
        made.rate = 50.0
        started = time.perf_counter()
        await asyncio.gather(*(through(made, lambda: asyncio.sleep(0)) for _ in range(11)))
        return time.perf_counter() - started

    assert 0.15 < asyncio.run(main()) < 1.0


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "150ms"}, 0.14),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "0m0.15s"}, 0.14),
        ({"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "10s"}, 0.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_headers_that_say_nothing_is_left_hold_calls_back(headers: dict[str, str], least: float) -> None:
    async def main() -> float:
        made = AdaptiveLimiter(RateLimits())

        async def told() -> None:
            rate_limiter.observe_headers(headers)

        await through(made, told)
        started = time.perf_counter()
        await through(made, lambda: asyncio.sleep(0))
        return time.perf_counter() - started

    rate_limiter.observe_headers(headers)  # outside of a call nothing happens
    assert least <= asyncio.run(main()) < least + 1


def test_a_long_wait_that_is_asked_for_is_everybodys() -> None:
    async def main() -> tuple[bool, bool]:
        made = AdaptiveLimiter(RateLimits())
        held = []
        for wait in ("1", "30"):
            await asyncio.gather(through(made, failing(ServerError(429, retry_after=wait))), return_exceptions=True)
            made.rate = math.inf
            try:
                await asyncio.wait_for(through(made, lambda: asyncio.sleep(0)), 0.1)
                held.append(False)
            except TimeoutError:
                held.append(True)
        return held[0], held[1]

    assert asyncio.run(main()) == (False, True)


def test_latency_that_rises_means_fewer_but_never_less_than_half() -> None:
    async def main() -> tuple[float, float]:
        made = AdaptiveLimiter(RateLimits(concurrency=10))
        for _ in range(40):
            await through(made, lambda: asyncio.sleep(0.001))
        before = made.limit
        for _ in range(6):
            await through(made, lambda: asyncio.sleep(0.05))
        return before, made.limit

    before, after = asyncio.run(main())
    assert before == 10
    assert 5 <= after < 10


def test_a_minutes_allowance() -> None:
    bucket = TokenBucket(600)  # ten a second, of which a hundred may be used at once
    assert bucket.wait(1, 0.0) == 0
    bucket.use(100)
    assert bucket.wait(1, 0.0) == pytest.approx(0.1)
    assert bucket.wait(1, 5.0) == 0
    assert bucket.wait(1_000_000, 5.0) == pytest.approx(5.0)
    assert TokenBucket(0).wait(1_000_000, 0.0) == 0


def test_it_is_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rate_limiter.WORKERS_VARIABLE, "4")
    requests, tokens, images = RateLimits(requests_per_minute=2400, images_per_minute=24).buckets
    assert requests.wait(1, 0.0) == 0
    requests.use(100)
    assert requests.wait(1, 0.0) == pytest.approx(0.1)
    assert tokens.wait(1_000_000, 0.0) == 0
    assert images.wait(1, 0.0) == 0
    images.use(1)
    assert images.wait(1, 0.0) == pytest.approx(10.0)
    monkeypatch.setenv(rate_limiter.WORKERS_VARIABLE, "many")
    with pytest.raises(SettingError, match="MULTICHAIN_WORKERS is expected to be a whole number, above 0"):
        _ = RateLimits().buckets


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"concurency": 4}, "pace has no setting concurency; did you mean concurrency?"),
        ({"concurrency": 0}, "pace: concurrency is expected to be a whole number"),
        ({"requests_per_minute": 1.5}, "pace: requests_per_minute is expected to be a whole number"),
    ],
)
def test_settings_that_are_none(told: Any, sentence: str) -> None:
    with pytest.raises(ProfileError) as error:
        RateLimits.from_settings(told)
    assert str(error.value) == sentence


def test_all_of_a_kind_share_a_pace_on_one_loop(stand_in: StandIn) -> None:
    stand_in.script.latency["chat/completions"] = 0.05
    one, other = (openai.chat(["gpt-4.1"], pace={"concurrency": 4}) for _ in range(2))

    async def main() -> None:
        from model.contract.events import discard

        await asyncio.gather(*(chat.complete(f"Hi {n}", "", discard) for n in range(6) for chat in (one, other)))

    from model.runtime.event_loop import Engine

    Engine().run(main())
    assert stand_in.script.peak["chat/completions"] == 4
    assert len({body["messages"][0]["content"] for _, body in stand_in.script.calls}) == 6


def test_kinds_do_not_hold_each_other_up() -> None:
    async def main() -> tuple[int, int]:
        chat, images = (
            Operation("chat", "a", RateLimits(concurrency=1)),
            Operation("images", "a", RateLimits(concurrency=1)),
        )
        done = []

        async def slow() -> None:
            async with chat.acquire():
                await asyncio.sleep(0.1)
                done.append("chat")

        async def quick() -> None:
            async with images.acquire(images=1):
                done.append("images")

        await asyncio.gather(slow(), quick())
        return done.index("images"), done.index("chat")

    assert asyncio.run(main()) == (0, 1)
