"""GPUs go to the stages in proportion to what waits, and none is left without."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaters.runner.sharing import Want, shares


@pytest.mark.parametrize(
    ("gpus", "calls", "expected"),
    [
        (1, (100, 0), (4, 1)),
        (1, (100, 1), (3, 1)),
        (1, (1, 100), (1, 3)),
        (4, (50, 50), (8, 8)),
        (4, (75, 25), (12, 4)),
        (1, (0, 0), (2, 2)),
    ],
)
def test_in_proportion_and_at_least_one(gpus: float, calls: tuple[float, float], expected: tuple[int, int]) -> None:
    found = shares(gpus, {str(n): Want(calls=count, gpus=0.25) for n, count in enumerate(calls)})
    assert tuple(found.values()) == expected


@given(st.integers(1, 16), st.lists(st.floats(0, 1e6), min_size=1, max_size=4))
def test_never_more_than_there_is_but_for_the_one_of_each(gpus: int, calls: list[float]) -> None:
    found = shares(gpus, {str(n): Want(calls=count, gpus=0.25) for n, count in enumerate(calls)})
    assert all(slots >= 1 for slots in found.values())
    assert sum(slots for slots in found.values() if slots > 1) * 0.25 <= gpus
