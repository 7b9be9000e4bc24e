"""Pace of an operation: concurrency, requests per second and minute, and adaptation to refusals."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from model.config import environment
from model.config.settings import SettingProblem, find_problems
from model.errors import SettingError
from model.providers.openai import OpenAIProvider
from model.transport import rate_limiter
from model.transport.rate_limiter import AdaptiveLimiter, Operation, RateLimits, TokenBucket
from standin.app import StandIn

openai = OpenAIProvider()


class ServerError(Exception):
    """Error of an SDK, with its status and headers."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__("refused")
        self.status_code = status
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.response = SimpleNamespace(headers=fields)


class APITimeoutError(Exception):
    """Error with the class name of an SDK's timeout."""


Work = Callable[[], Awaitable[None]]


async def call_through(limiter: AdaptiveLimiter, work: Work, tokens: int = 0, images: int = 0) -> None:
    async with limiter.acquire(tokens, images):
        await work()


async def sleep_briefly() -> None:
    await asyncio.sleep(0.02)


def make_failing_work(error: Exception) -> Work:
    async def work() -> None:
        await asyncio.sleep(0.005)
        raise error

    return work


def test_limiter_bounds_concurrency_and_starts_calls_in_order() -> None:
    running: list[int] = []
    concurrencies: list[int] = []
    start_order: list[int] = []

    async def main() -> None:
        limiter = AdaptiveLimiter(RateLimits(concurrency=3))

        async def call(number: int) -> None:
            async with limiter.acquire():
                start_order.append(number)
                running.append(number)
                concurrencies.append(len(running))
                await asyncio.sleep(0.005)
                running.remove(number)

        await asyncio.gather(*map(call, range(20)))

    asyncio.run(main())
    assert max(concurrencies) == 3
    assert start_order == list(range(20))


def test_cancelled_waiters_do_not_delay_next_call() -> None:
    async def main() -> float:
        limiter = AdaptiveLimiter(RateLimits(concurrency=1))
        first = asyncio.ensure_future(call_through(limiter, sleep_briefly))
        await asyncio.sleep(0)
        waiters = [asyncio.ensure_future(call_through(limiter, sleep_briefly)) for _ in range(3)]
        last = asyncio.ensure_future(call_through(limiter, sleep_briefly))
        await asyncio.sleep(0.005)
        for task in waiters:
            task.cancel()
        started = time.perf_counter()
        await asyncio.gather(first, last)
        return time.perf_counter() - started

    assert asyncio.run(main()) < 0.2


@pytest.mark.parametrize("error", [APITimeoutError(), ServerError(503), ServerError(529)])
def test_overload_cuts_concurrency_limit_once_per_round(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Advance the clock by 0.01 s at each reading, so that no answer is slower than the others."""
    monkeypatch.setattr(rate_limiter, "_loop_time", count(0, 0.01).__next__)

    async def main() -> tuple[float, float, float]:
        limiter = AdaptiveLimiter(RateLimits(concurrency=10))
        await asyncio.gather(
            *(call_through(limiter, make_failing_work(error)) for _ in range(5)), return_exceptions=True
        )
        after_one = limiter.limit
        await asyncio.gather(call_through(limiter, make_failing_work(error)), return_exceptions=True)
        after_two = limiter.limit
        for _ in range(60):
            await call_through(limiter, lambda: asyncio.sleep(0))
        return after_one, after_two, limiter.limit

    after_one, after_two, after_successes = asyncio.run(main())
    assert (after_one, after_two) == (pytest.approx(8.0), pytest.approx(6.4))
    assert after_successes == 10


@pytest.mark.parametrize("error", [ServerError(500), ServerError(400), ValueError()])
def test_other_errors_change_neither_limit_nor_rate(error: Exception) -> None:
    async def main() -> tuple[float, float]:
        limiter = AdaptiveLimiter(RateLimits())
        await asyncio.gather(call_through(limiter, make_failing_work(error)), return_exceptions=True)
        return limiter.limit, limiter.rate

    assert asyncio.run(main()) == (16, math.inf)


def test_refusal_sets_rate_to_answered_rate_and_success_raises_it() -> None:
    async def main() -> list[float]:
        limiter = AdaptiveLimiter(RateLimits(concurrency=8))
        await asyncio.gather(*(call_through(limiter, sleep_briefly) for _ in range(40)))
        rates = []
        for _ in range(2):
            await asyncio.gather(call_through(limiter, make_failing_work(ServerError(429))), return_exceptions=True)
            rates.append(limiter.rate)
        await call_through(limiter, sleep_briefly)
        return [*rates, limiter.rate]

    first, second, after_success = asyncio.run(main())
    assert first == 40
    assert second == pytest.approx(36)
    assert after_success == pytest.approx(36.05)


def test_rate_spaces_call_starts() -> None:
    async def main() -> float:
        limiter = AdaptiveLimiter(RateLimits())
        limiter.rate = 50.0
        started = time.perf_counter()
        await asyncio.gather(*(call_through(limiter, lambda: asyncio.sleep(0)) for _ in range(11)))
        return time.perf_counter() - started

    assert 0.15 < asyncio.run(main()) < 1.0


@pytest.mark.parametrize(
    ("headers", "minimum_wait"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "150ms"}, 0.14),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "0m0.15s"}, 0.14),
        ({"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "10s"}, 0.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_exhausted_quota_headers_delay_next_call(headers: dict[str, str], minimum_wait: float) -> None:
    async def main() -> float:
        limiter = AdaptiveLimiter(RateLimits())

        async def report_headers() -> None:
            rate_limiter.observe_headers(headers)

        await call_through(limiter, report_headers)
        started = time.perf_counter()
        await call_through(limiter, lambda: asyncio.sleep(0))
        return time.perf_counter() - started

    rate_limiter.observe_headers(headers)  # has no effect outside of a call
    assert minimum_wait <= asyncio.run(main()) < minimum_wait + 1


def test_long_retry_after_delays_all_calls_of_limiter() -> None:
    async def main() -> tuple[bool, bool]:
        limiter = AdaptiveLimiter(RateLimits())
        delays = []
        for wait in ("1", "30"):
            await asyncio.gather(
                call_through(limiter, make_failing_work(ServerError(429, retry_after=wait))), return_exceptions=True
            )
            limiter.rate = math.inf
            try:
                await asyncio.wait_for(call_through(limiter, lambda: asyncio.sleep(0)), 0.1)
                delays.append(False)
            except TimeoutError:
                delays.append(True)
        return delays[0], delays[1]

    assert asyncio.run(main()) == (False, True)


def test_rising_latency_lowers_limit_to_no_less_than_half() -> None:
    async def main() -> tuple[float, float]:
        limiter = AdaptiveLimiter(RateLimits(concurrency=10))
        for _ in range(40):
            await call_through(limiter, lambda: asyncio.sleep(0.001))
        before = limiter.limit
        for _ in range(6):
            await call_through(limiter, lambda: asyncio.sleep(0.05))
        return before, limiter.limit

    before, after = asyncio.run(main())
    assert before == 10
    assert 5 <= after < 10


def test_token_bucket_refills_at_rate_per_minute() -> None:
    bucket = TokenBucket(600)  # 10 per second, at most 100 at once
    assert bucket.wait(1, 0.0) == 0
    bucket.use(100)
    assert bucket.wait(1, 0.0) == pytest.approx(0.1)
    assert bucket.wait(1, 5.0) == 0
    assert bucket.wait(1_000_000, 5.0) == pytest.approx(5.0)
    assert TokenBucket(0).wait(1_000_000, 0.0) == 0


def test_rate_limits_are_divided_among_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.WORKERS.name, "4")
    requests, tokens, images = RateLimits(requests_per_minute=2400, images_per_minute=24).buckets
    assert requests.wait(1, 0.0) == 0
    requests.use(100)
    assert requests.wait(1, 0.0) == pytest.approx(0.1)
    assert tokens.wait(1_000_000, 0.0) == 0
    assert images.wait(1, 0.0) == 0
    images.use(1)
    assert images.wait(1, 0.0) == pytest.approx(10.0)
    monkeypatch.setenv(environment.WORKERS.name, "many")
    with pytest.raises(SettingError, match="MULTICHAIN_WORKERS must be a whole number above 0"):
        _ = RateLimits().buckets


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"concurency": 4}, "pace has no setting concurency; did you mean concurrency?"),
        ({"concurrency": 0}, "pace.concurrency must be a whole number of at least 1"),
        ({"requests_per_minute": 1.5}, "pace.requests_per_minute must be a whole number of at least 0"),
    ],
)
def test_invalid_pace_is_explained(settings: Any, sentence: str) -> None:
    problems = list(find_problems(openai.chat, {"models": ["a"], "pace": settings}))
    assert problems == [SettingProblem(("pace", *settings), sentence)]


def test_chats_of_one_provider_share_concurrency_limit(stand_in: StandIn) -> None:
    stand_in.script.latency["chat/completions"] = 0.05
    first_chat, second_chat = (openai.chat(["gpt-4.1"], pace=RateLimits(concurrency=4)) for _ in range(2))

    async def main() -> None:
        from model.contract.events import discard

        await asyncio.gather(
            *(chat.complete(f"Hi {n}", "", discard) for n in range(6) for chat in (first_chat, second_chat))
        )

    from model.runtime.event_loop import Engine

    Engine().run(main())
    assert stand_in.script.peak["chat/completions"] == 4
    assert len({body["messages"][0]["content"] for _, body in stand_in.script.calls}) == 6


def test_operations_do_not_delay_each_other() -> None:
    async def main() -> tuple[int, int]:
        chat, images = (
            Operation("chat", "a", RateLimits(concurrency=1)),
            Operation("images", "a", RateLimits(concurrency=1)),
        )
        completion_order = []

        async def call_slow_chat() -> None:
            async with chat.acquire():
                await asyncio.sleep(0.1)
                completion_order.append("chat")

        async def call_images() -> None:
            async with images.acquire(images=1):
                completion_order.append("images")

        await asyncio.gather(call_slow_chat(), call_images())
        return completion_order.index("images"), completion_order.index("chat")

    assert asyncio.run(main()) == (0, 1)
