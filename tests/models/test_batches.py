"""Work ahead keeps its order and its bounds; a batch is found by trying, and shrinks when memory runs out."""

import threading

import pytest

from heaters.models.batches import BatchSize, ahead, grouped


class Device:
    """Takes up to `memory` items; each costs a second, and each call `overhead`."""

    def __init__(self, memory: int, overhead: float = 10.0) -> None:
        self.memory, self.overhead, self.tried = memory, overhead, []

    def probe(self, size: int) -> float:
        self.run([0] * size)
        return self.overhead + size

    def run(self, items: list[int]) -> list[int]:
        self.tried.append(len(items))
        if len(items) > self.memory:
            raise MemoryError(f"{len(items)} do not fit")
        return [item * 2 for item in items]


@pytest.mark.parametrize(
    ("memory", "overhead", "found"),
    [
        (1000, 1e6, 256),  # as large as allowed
        (100, 1e6, 64),  # as large as fits
        (1000, 30.0, 256),
        (1000, 0.5, 16),  # larger ones are hardly faster
        (5, 1e6, 4),  # not even the first fits
        (1, 1e6, 1),
    ],
)
def test_a_batch_is_found_by_trying(memory: int, overhead: float, found: int) -> None:
    device = Device(memory, overhead)
    batch = BatchSize(first=16, most=256)
    assert batch.find(device.probe) == batch.size == found
    tried = len(device.tried)
    assert batch.find(device.probe) == found
    assert len(device.tried) == tried


def test_where_nothing_fits_the_error_is_told() -> None:
    with pytest.raises(MemoryError, match="1 do not fit"):
        BatchSize(first=4, most=8).find(Device(0).probe)


def test_a_batch_that_no_longer_fits_is_halved_and_stays_so() -> None:
    device, batch = Device(5), BatchSize(first=16, most=16)
    parts = batch.run(device.run, list(range(16)))
    assert [x for part in parts for x in part] == [2 * n for n in range(16)]
    assert batch.size == 4
    with pytest.raises(MemoryError, match="1 do not fit"):
        batch.run(Device(0).run, [1, 2, 3])


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    def broken(items: list[int]) -> None:
        raise ValueError(f"{len(items)}")

    with pytest.raises(ValueError, match="16"):
        BatchSize(first=16, most=16).run(broken, list(range(16)))


def test_work_ahead_comes_in_order_and_within_bounds() -> None:
    begun, most, lock = 0, 0, threading.Lock()
    taken = 0

    def work(n: int) -> int:
        nonlocal begun, most
        with lock:
            begun += 1
            most = max(most, begun - taken)
        return n * n

    for n, square in enumerate(ahead(work, iter(range(200)), threads=4, most=10)):
        assert square == n * n
        taken += 1
    assert taken == 200
    assert most <= 11


def test_work_ahead_tells_an_error_in_its_place_and_stops() -> None:
    def work(n: int) -> int:
        return 1 // (n - 3)

    found = ahead(work, range(1000), threads=2, most=5)
    assert [next(found) for _ in range(3)] == [1 // (n - 3) for n in range(3)]
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert list(found) == []


def test_groups_follow_the_size_as_it_changes() -> None:
    sizes = iter([3] * 3 + [2] * 100)
    assert list(grouped(range(8), lambda: next(sizes))) == [[0, 1, 2], [3, 4], [5, 6], [7]]
    assert list(grouped([], lambda: 4)) == []
