"""Work ahead keeps its order and its bounds; a batch that does not fit is done in parts."""

import threading

import pytest

from heaters.models.batches import ahead, fitting, grouped


def doubled(memory: int):
    """Takes up to `memory` items at once."""

    def run(items: list[int]) -> list[int]:
        if len(items) > memory:
            raise MemoryError(f"{len(items)} do not fit")
        return [item * 2 for item in items]

    return run


def test_a_batch_that_does_not_fit_is_done_in_parts() -> None:
    told: list[int] = []
    parts = fitting(doubled(5), list(range(17)), too_large=MemoryError, halve=told.append)
    assert [x for part in parts for x in part] == [2 * n for n in range(17)]
    assert max(map(len, parts)) <= 5
    assert told[:2] == [17, 8]
    with pytest.raises(MemoryError, match="1 do not fit"):
        fitting(doubled(0), [1, 2, 3], too_large=MemoryError, halve=told.append)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    def broken(items: list[int]) -> None:
        raise ValueError(f"{len(items)}")

    with pytest.raises(ValueError, match="16"):
        fitting(broken, list(range(16)), too_large=MemoryError, halve=lambda _: None)


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
