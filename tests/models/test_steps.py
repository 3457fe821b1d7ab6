"""Suspected hard cuts, judged by the pixels."""

import numpy as np
import pytest
from scenes import Frames, framed, shot

from heaters.models.steps import AGAINST, CERTAIN, IN_FAVOUR, likeness, step_evidence

AT = 30  # last frame of the left-hand shot


def suspicion(count: int, probability: float = 0.6) -> np.ndarray:
    single = np.zeros(count, np.float32)
    single[AT] = probability
    return single


def judged(frames: Frames, probability: float = 0.6) -> float:
    evidence = step_evidence(frames, suspicion(len(frames), probability))
    assert evidence.dtype == np.float32
    assert np.flatnonzero(evidence).tolist() in ([], [AT])
    return float(evidence[AT])


def flashed(length: int) -> Frames:
    frames = shot(1, 60).astype(float)
    for number, white in enumerate((1, 0.75, 0.5, 0.3, 0.15)[:length]):
        frames[AT + 1 + number] += (255 - frames[AT + 1 + number]) * white
    return framed(frames)


def test_a_step_between_standing_pictures_speaks_for_a_cut() -> None:
    assert judged(np.concatenate([shot(1, AT + 1), shot(2, 30)])) == pytest.approx(IN_FAVOUR)


@pytest.mark.parametrize("speed", [5, 9])
def test_a_swing_of_the_camera_speaks_against(speed: float) -> None:
    assert judged(shot(3, 60, (0.0,) * 27 + (speed,) * 8 + (0.0,))) == AGAINST


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_a_flash_speaks_against(length: int) -> None:
    assert judged(flashed(length)) == AGAINST


def test_a_short_insert_between_two_halves_of_a_shot_is_no_flash() -> None:
    frames = shot(1, 60)
    frames[AT + 1 : AT + 4] = shot(2, 3)
    assert judged(frames) >= 0


def test_what_the_network_is_certain_of_or_does_not_suspect_is_not_looked_at() -> None:
    assert judged(flashed(3), CERTAIN + 0.01) == 0
    assert judged(flashed(3), 0.1) == 0


@pytest.mark.parametrize("count", [1, 2, 9])
def test_it_works_at_the_ends(count: int) -> None:
    for frame in range(count):
        single = np.zeros(count, np.float32)
        single[frame] = 0.6
        assert np.isfinite(step_evidence(shot(1, count), single)).all()


def test_likeness_finds_the_move() -> None:
    wide = shot(5, 2, (7.0,)).astype(float)
    score, x, y = likeness(wide[0], wide[1])
    assert (score > 0.95, abs(x), y) == (True, 7, 0)
    assert likeness(wide[0], shot(6, 1)[0].astype(float))[0] < 0.8
    black = np.zeros((27, 48, 3))
    assert abs(likeness(black, black)[0]) < 0.01
