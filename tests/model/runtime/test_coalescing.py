"""One call for many: what is shared, who pays, who waits, and what happens when somebody leaves or it fails."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from model.errors import CancelledCallError, DeadlineError, RejectedCallError
from model.runtime import coalescing, deadline
from model.runtime.coalescing import MicroBatcher, single_flight
from model.runtime.usage import Account, Usage, add_note, record_usage, track_usage


async def paid(work: Any) -> tuple[Any, Account]:
    """What ``work`` gives, or raises, and what its caller is told that it used."""
    with track_usage() as used:
        try:
            return await work, used
        except RejectedCallError as error:
            return error, used


def test_who_asks_the_same_meanwhile_gets_the_same_and_the_first_pays() -> None:
    calls = []

    async def ask() -> str:
        calls.append(coalescing.count_callers())
        await asyncio.sleep(0.02)
        calls.append(coalescing.count_callers())
        record_usage(Usage(input_tokens=7, cost=0.5))
        add_note("cut", "a text: it was cut")
        return "told"

    async def main() -> list[tuple[Any, Account]]:
        return await asyncio.gather(
            *(paid(single_flight("key", ask)) for _ in range(3)), paid(single_flight("other", ask))
        )

    answers = asyncio.run(main())
    assert [told for told, _ in answers] == ["told"] * 4
    assert sorted(calls) == [1, 1, 3, 3] or sorted(calls) == [1, 1, 1, 3]
    assert [used.usage.cost for _, used in answers] == [0.5, 0.0, 0.0, 0.5]
    assert [used.usage.cached for _, used in answers] == [False, True, True, False]
    assert {tuple(used.notes) for _, used in answers} == {("cut: a text: it was cut",)}


def test_what_is_asked_later_is_asked_again() -> None:
    calls = []

    async def ask() -> int:
        calls.append(1)
        return len(calls)

    async def main() -> list[int]:
        return [await single_flight("key", ask), await single_flight("key", ask)]

    assert asyncio.run(main()) == [1, 2]


def test_a_shared_failure_is_everybodys_and_is_paid_once() -> None:
    async def ask() -> str:
        await asyncio.sleep(0.01)
        record_usage(Usage(cost=0.25))
        raise RejectedCallError("it failed")

    async def main() -> list[tuple[Any, Account]]:
        return await asyncio.gather(*(paid(single_flight("key", ask)) for _ in range(3)))

    answers = asyncio.run(main())
    assert [str(told) for told, _ in answers] == ["it failed"] * 3
    assert sum(used.usage.cost for _, used in answers) == 0.25


def test_it_goes_on_while_one_waits_and_ends_with_the_last() -> None:
    ended = []

    async def ask() -> str:
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            ended.append("stopped")
            raise
        ended.append("done")
        return "told"

    async def main(leaving: int) -> list[Any]:
        tasks = [asyncio.ensure_future(single_flight("key", ask)) for _ in range(3)]
        await asyncio.sleep(0.01)
        for task in tasks[:leaving]:
            task.cancel()
        given = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        return [type(one).__name__ for one in given]

    assert asyncio.run(main(2)) == ["CancelledError", "CancelledError", "str"]
    assert asyncio.run(main(3)) == ["CancelledError"] * 3
    assert ended == ["done", "stopped"]


def test_after_all_have_left_it_is_begun_anew() -> None:
    calls = []

    async def ask() -> int:
        calls.append(1)
        await asyncio.sleep(0.05)
        return len(calls)

    async def main() -> int:
        left = asyncio.ensure_future(single_flight("key", ask))
        await asyncio.sleep(0.01)
        left.cancel()
        await asyncio.sleep(0)
        return await single_flight("key", ask)

    assert asyncio.run(main()) == 2


def test_the_time_is_that_of_whoever_waits_longest() -> None:
    async def ask() -> float:
        await asyncio.sleep(0.05)
        return deadline.remaining_seconds()

    async def waiting(seconds: float) -> float:
        with deadline.Deadline(asyncio.get_running_loop().time() + seconds).activate():
            async with deadline.enforce_deadline("qa"):
                return await single_flight("key", ask)

    async def main() -> list[Any]:
        return await asyncio.gather(*map(waiting, (0.02, 10.0, 1.0)), return_exceptions=True)

    short, long, middle = asyncio.run(main())
    assert isinstance(short, DeadlineError)
    assert 9 < long == middle < 10


def test_a_call_that_is_stopped_under_those_who_wait() -> None:
    async def ask() -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(1)

    async def main() -> None:
        await single_flight("key", ask)

    with pytest.raises(CancelledCallError, match="the call was stopped before it was answered; try again"):
        asyncio.run(main())


def doubling(calls: list[list[int]]) -> Any:
    async def ask(numbers: list[int]) -> Sequence[int]:
        calls.append(list(numbers))
        record_usage(Usage(input_tokens=len(numbers), cost=0.1 * len(numbers)))
        await asyncio.sleep(0.01)
        if 13 in numbers:
            raise RejectedCallError("thirteen")
        return [2 * number for number in numbers]

    return ask


def gathered(asked: Sequence[int], calls: list[list[int]], **how: Any) -> list[tuple[Any, Account]]:
    made: MicroBatcher[int, int] = MicroBatcher(doubling(calls), **{"max_batch_size": 4, **how})

    async def main() -> list[tuple[Any, Account]]:
        return await asyncio.gather(*(paid(made(number)) for number in asked))

    return asyncio.run(main())


def test_what_is_asked_in_one_moment_goes_together_as_far_as_it_may() -> None:
    calls: list[list[int]] = []
    answers = gathered(range(10), calls)
    assert [told for told, _ in answers] == [2 * number for number in range(10)]
    assert calls == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [used.usage.input_tokens for _, used in answers] == [1] * 10
    assert sum(used.usage.cost for _, used in answers) == pytest.approx(1.0)


def test_costs_are_shared_by_size() -> None:
    answers = gathered([1, 3], [], weigh=lambda number: number)
    assert [round(used.usage.cost, 6) for _, used in answers] == [0.05, 0.15]
    assert sum(used.usage.input_tokens for _, used in answers) == 2


def test_a_batch_that_fails_is_everybodys_failure() -> None:
    calls: list[list[int]] = []
    answers = gathered([1, 13, 3], calls)
    assert [str(told) for told, _ in answers] == ["thirteen"] * 3
    assert calls == [[1, 13, 3]]


def test_or_only_of_those_who_caused_it_where_it_can_be_parted() -> None:
    calls: list[list[int]] = []
    answers = gathered([1, 2, 13, 4], calls, can_split=lambda _: True)
    assert [told if isinstance(told, int) else str(told) for told, _ in answers] == [2, 4, "thirteen", 8]
    assert calls == [[1, 2, 13, 4], [1, 2], [13, 4], [13], [4]]


def test_who_leaves_stops_no_other_and_a_lone_one_stops_the_call() -> None:
    calls: list[list[int]] = []
    made: MicroBatcher[int, int] = MicroBatcher(doubling(calls), 4)

    async def main() -> list[Any]:
        tasks = [asyncio.ensure_future(made(number)) for number in (1, 2)]
        await asyncio.sleep(0.005)
        tasks[0].cancel()
        lone = asyncio.ensure_future(made(3))
        await asyncio.sleep(0)
        lone.cancel()
        late = asyncio.ensure_future(made(4))
        return await asyncio.gather(*tasks, lone, late, return_exceptions=True)

    first, second, third, fourth = asyncio.run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(third, asyncio.CancelledError)
    assert (second, fourth) == (4, 8)


def test_shares_are_the_whole() -> None:
    usage = Usage(input_tokens=10, output_tokens=1, images=2, cost=0.3, cost_known=False)
    parts = usage.split([1, 1, 1])
    assert sum(parts, Usage()).input_tokens == 10
    assert sum(part.output_tokens for part in parts) == 1
    assert sum(part.images for part in parts) == 2
    assert sum(part.cost for part in parts) == pytest.approx(0.3)
    assert usage.split([]) == []
