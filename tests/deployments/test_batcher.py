"""Batches fill while the model is busy, keep each caller's items apart, and fail or are left by one caller alone."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.batcher import Batcher


class Work:
    """Doubles numbers, once it is let; remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()

    def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        assert self.gate.wait(10)
        if 13 in items:
            raise ValueError("thirteen")
        return [2 * item for item in items]


@pytest.fixture
def work() -> Work:
    return Work()


def batcher(work: Work, most: int = 8) -> Batcher[int, int]:
    return Batcher(work, most=most, executor=ThreadPoolExecutor(1))


async def started(work: Work, count: int) -> None:
    while len(work.batches) < count:
        await asyncio.sleep(0.001)


def test_an_idle_model_starts_at_once_and_a_busy_one_gets_what_has_gathered(work: Work) -> None:
    async def run() -> list[object]:
        batch = batcher(work)
        first = asyncio.create_task(batch([1]))
        await started(work, 1)
        others = [asyncio.create_task(batch([n, n + 1])) for n in (2, 4, 6, 8, 10)]
        await asyncio.sleep(0.01)
        work.gate.set()
        return [list(await task) for task in [first, *others]]

    assert asyncio.run(run()) == [[2], [4, 6], [8, 10], [12, 14], [16, 18], [20, 22]]
    assert work.batches == [[1], [2, 3, 4, 5, 6, 7, 8, 9], [10, 11]]


def test_a_failure_reaches_those_in_the_batch_and_nobody_else(work: Work) -> None:
    async def run() -> list[object]:
        batch = batcher(work)
        work.gate.set()
        found = [await asyncio.gather(batch([n]), return_exceptions=True) for n in (1, 13, 2)]
        return [one[0] for one in found]

    first, failed, last = asyncio.run(run())
    assert (list(first), list(last)) == ([2], [4])
    assert isinstance(failed, ValueError)


def test_who_has_left_takes_no_place(work: Work) -> None:
    async def run() -> None:
        batch = batcher(work)
        first = asyncio.create_task(batch([1]))
        await started(work, 1)
        gone, stays = asyncio.create_task(batch([2])), asyncio.create_task(batch([3]))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0)
        work.gate.set()
        assert list(await stays) == [6]
        assert list(await first) == [2]

    asyncio.run(run())
    assert work.batches == [[1], [3]]


@pytest.mark.parametrize("items", [[], [0] * 9])
def test_a_call_fits_into_a_batch(work: Work, items: list[int]) -> None:
    with pytest.raises(ValueError, match="takes 1 to 8 items"):
        asyncio.run(batcher(work)(items))
