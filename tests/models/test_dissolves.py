"""Dissolves and fades on generated frames: found where they are, and nothing else taken for one."""

from collections.abc import Callable

import numpy as np
import pytest
from scenes import Frames, dissolve, fade, framed, shot

from heaters.models.dissolves import dissolve_evidence
from heaters.models.fades import fade_evidence

SUSPECTED = np.full(120, 0.15, np.float32)  # all the way, so that nothing hides


@pytest.mark.parametrize("length", [6, 10, 18, 30])
def test_a_dissolve_is_found_where_it_is(length: int) -> None:
    evidence = dissolve_evidence(dissolve(shot(1, 120), shot(2, 120), 50, length), SUSPECTED)
    found = np.flatnonzero(evidence > 0.5)
    assert abs(found.mean() + 0.5 - (50 + length / 2)) <= 2
    assert abs(len(found) - length) <= max(3, length / 4)


def test_a_dissolve_that_the_network_does_not_suspect_at_all_is_left() -> None:
    frames = dissolve(shot(1, 120), shot(2, 120), 50, 20)
    assert not dissolve_evidence(frames, np.zeros(120, np.float32)).any()


@pytest.mark.parametrize("length", [5, 12, 30])
def test_a_fade_is_found_where_it_is(length: int) -> None:
    found = np.flatnonzero(fade_evidence(fade(shot(1, 120), shot(2, 120), 50, length)))
    assert abs(found[0] - 50) <= 1
    assert abs(found[-1] + 1 - (50 + length)) <= 1
    assert np.array_equal(found, np.arange(found[0], found[-1] + 1))


def blackout() -> Frames:
    """A light that goes out and on again over the same picture."""
    return fade(shot(1, 120), shot(1, 120), 50, 20)


def dark_cut() -> Frames:
    return np.concatenate([shot(1, 60), shot(1, 60) // 20])


def fade_out() -> Frames:
    light = (1 - (np.arange(120) - 50) / 30).clip(0, 1)[:, None, None, None]
    return framed(shot(1, 120) * light)


@pytest.mark.parametrize(
    "make",
    [
        blackout,
        dark_cut,
        fade_out,
        lambda: np.concatenate([shot(1, 60), shot(2, 60)]),
        lambda: shot(1, 120),
        lambda: shot(1, 120, (0.5,)),
        lambda: shot(1, 120, (2.0,)),
        lambda: np.zeros((120, 27, 48, 3), np.uint8),
    ],
    ids=["blackout", "cut to dark", "fade out", "hard cut", "still", "slow pan", "fast pan", "black"],
)
def test_nothing_else_is_a_dissolve_or_fade(make: Callable[[], Frames]) -> None:
    evidence = dissolve_evidence(make(), SUSPECTED)
    assert (evidence.shape, evidence.dtype) == ((120,), np.float32)
    assert evidence.max() <= 0.5


@pytest.mark.parametrize("count", [1, 2, 7])
def test_short_films(count: int) -> None:
    assert not dissolve_evidence(shot(1, count), np.ones(count, np.float32)).any()
