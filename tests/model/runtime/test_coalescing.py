"""Shared calls and batches: results, shares of usage, deadlines, cancellations and failures."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from model.errors import CancelledCallError, DeadlineError, RejectedCallError
from model.runtime import coalescing, deadline
from model.runtime.coalescing import MicroBatcher, single_flight
from model.runtime.usage import Account, Usage, add_note, record_usage, track_usage


async def measure_usage(work: Any) -> tuple[Any, Account]:
    """Return the result of ``work``, or its rejection, with the account of its caller."""
    with track_usage() as account:
        try:
            return await work, account
        except RejectedCallError as error:
            return error, account


def test_concurrent_equal_calls_share_a_result_and_the_first_pays() -> None:
    calls = []

    async def call_provider() -> str:
        calls.append(coalescing.count_callers())
        await asyncio.sleep(0.02)
        calls.append(coalescing.count_callers())
        record_usage(Usage(input_tokens=7, cost=0.5))
        add_note("cut", "a text: it was cut")
        return "told"

    async def main() -> list[tuple[Any, Account]]:
        return await asyncio.gather(
            *(measure_usage(single_flight("key", call_provider)) for _ in range(3)),
            measure_usage(single_flight("other", call_provider)),
        )

    answers = asyncio.run(main())
    assert [result for result, _ in answers] == ["told"] * 4
    assert sorted(calls) == [1, 1, 3, 3] or sorted(calls) == [1, 1, 1, 3]
    assert [account.usage.cost for _, account in answers] == [0.5, 0.0, 0.0, 0.5]
    assert [account.usage.cached for _, account in answers] == [False, True, True, False]
    assert {tuple(account.notes) for _, account in answers} == {("cut: a text: it was cut",)}


def test_equal_call_after_the_end_of_a_shared_call_runs_again() -> None:
    calls = []

    async def call_provider() -> int:
        calls.append(1)
        return len(calls)

    async def main() -> list[int]:
        return [await single_flight("key", call_provider), await single_flight("key", call_provider)]

    assert asyncio.run(main()) == [1, 2]


def test_shared_failure_reaches_all_callers_and_is_paid_once() -> None:
    async def call_provider() -> str:
        await asyncio.sleep(0.01)
        record_usage(Usage(cost=0.25))
        raise RejectedCallError("it failed")

    async def main() -> list[tuple[Any, Account]]:
        return await asyncio.gather(*(measure_usage(single_flight("key", call_provider)) for _ in range(3)))

    answers = asyncio.run(main())
    assert [str(result) for result, _ in answers] == ["it failed"] * 3
    assert sum(account.usage.cost for _, account in answers) == 0.25


def test_shared_call_is_cancelled_only_with_its_last_caller() -> None:
    outcomes = []

    async def call_provider() -> str:
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            outcomes.append("stopped")
            raise
        outcomes.append("done")
        return "told"

    async def main(cancelled_callers: int) -> list[Any]:
        tasks = [asyncio.ensure_future(single_flight("key", call_provider)) for _ in range(3)]
        await asyncio.sleep(0.01)
        for task in tasks[:cancelled_callers]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        return [type(result).__name__ for result in results]

    assert asyncio.run(main(2)) == ["CancelledError", "CancelledError", "str"]
    assert asyncio.run(main(3)) == ["CancelledError"] * 3
    assert outcomes == ["done", "stopped"]


def test_shared_call_restarts_after_all_callers_are_cancelled() -> None:
    calls = []

    async def call_provider() -> int:
        calls.append(1)
        await asyncio.sleep(0.05)
        return len(calls)

    async def main() -> int:
        cancelled_task = asyncio.ensure_future(single_flight("key", call_provider))
        await asyncio.sleep(0.01)
        cancelled_task.cancel()
        await asyncio.sleep(0)
        return await single_flight("key", call_provider)

    assert asyncio.run(main()) == 2


def test_shared_call_has_the_latest_deadline_of_its_callers() -> None:
    async def call_provider() -> float:
        await asyncio.sleep(0.05)
        return deadline.remaining_seconds()

    async def call_with_deadline(seconds: float) -> float:
        with deadline.Deadline(asyncio.get_running_loop().time() + seconds).activate():
            async with deadline.enforce_deadline("qa"):
                return await single_flight("key", call_provider)

    async def main() -> list[Any]:
        return await asyncio.gather(*map(call_with_deadline, (0.02, 10.0, 1.0)), return_exceptions=True)

    short, long, middle = asyncio.run(main())
    assert isinstance(short, DeadlineError)
    assert 9 < long == middle < 10


def test_cancelled_shared_call_fails_for_its_callers() -> None:
    async def call_provider() -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(1)

    async def main() -> None:
        await single_flight("key", call_provider)

    with pytest.raises(CancelledCallError, match="the call was stopped before it was answered; try again"):
        asyncio.run(main())


def make_doubling_call(calls: list[list[int]]) -> Any:
    async def double_numbers(numbers: list[int]) -> Sequence[int]:
        calls.append(list(numbers))
        record_usage(Usage(input_tokens=len(numbers), cost=0.1 * len(numbers)))
        await asyncio.sleep(0.01)
        if 13 in numbers:
            raise RejectedCallError("thirteen")
        return [2 * number for number in numbers]

    return double_numbers


def double_in_batches(numbers: Sequence[int], calls: list[list[int]], **settings: Any) -> list[tuple[Any, Account]]:
    batcher: MicroBatcher[int, int] = MicroBatcher(make_doubling_call(calls), **{"max_batch_size": 4, **settings})

    async def main() -> list[tuple[Any, Account]]:
        return await asyncio.gather(*(measure_usage(batcher(number)) for number in numbers))

    return asyncio.run(main())


def test_concurrent_items_form_batches_up_to_the_maximum_size() -> None:
    calls: list[list[int]] = []
    answers = double_in_batches(range(10), calls)
    assert [result for result, _ in answers] == [2 * number for number in range(10)]
    assert calls == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [account.usage.input_tokens for _, account in answers] == [1] * 10
    assert sum(account.usage.cost for _, account in answers) == pytest.approx(1.0)


def test_batch_usage_is_split_by_weight_of_the_items() -> None:
    answers = double_in_batches([1, 3], [], weigh=lambda number: number)
    assert [round(account.usage.cost, 6) for _, account in answers] == [0.05, 0.15]
    assert sum(account.usage.input_tokens for _, account in answers) == 2


def test_failed_batch_fails_for_each_of_its_items() -> None:
    calls: list[list[int]] = []
    answers = double_in_batches([1, 13, 3], calls)
    assert [str(result) for result, _ in answers] == ["thirteen"] * 3
    assert calls == [[1, 13, 3]]


def test_item_whose_result_is_an_exception_fails_alone() -> None:
    async def halve(numbers: list[int]) -> list[int | Exception]:
        return [ValueError(f"{number} is odd") if number % 2 else number // 2 for number in numbers]

    batcher: MicroBatcher[int, int] = MicroBatcher(halve, 4)

    async def main() -> list[Any]:
        return await asyncio.gather(*map(batcher, [4, 5, 6]), return_exceptions=True)

    results = asyncio.run(main())
    assert [result if isinstance(result, int) else str(result) for result in results] == [2, "5 is odd", 3]


def test_cancelled_item_does_not_affect_other_items() -> None:
    calls: list[list[int]] = []
    batcher: MicroBatcher[int, int] = MicroBatcher(make_doubling_call(calls), 4)

    async def main() -> list[Any]:
        tasks = [asyncio.ensure_future(batcher(number)) for number in (1, 2)]
        await asyncio.sleep(0.005)
        tasks[0].cancel()
        single_task = asyncio.ensure_future(batcher(3))
        await asyncio.sleep(0)
        single_task.cancel()
        later_task = asyncio.ensure_future(batcher(4))
        return await asyncio.gather(*tasks, single_task, later_task, return_exceptions=True)

    first, second, third, fourth = asyncio.run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(third, asyncio.CancelledError)
    assert (second, fourth) == (4, 8)


def test_parts_of_split_usage_add_up_to_the_whole() -> None:
    usage = Usage(input_tokens=10, output_tokens=1, images=2, cost=0.3, cost_known=False)
    parts = usage.split([1, 1, 1])
    assert sum(parts, Usage()).input_tokens == 10
    assert sum(part.output_tokens for part in parts) == 1
    assert sum(part.images for part in parts) == 2
    assert sum(part.cost for part in parts) == pytest.approx(0.3)
    assert usage.split([]) == []
