"""Transitions from probabilities: the conventions, and what holds for any input."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaters.core.states import CutKind
from heaters.core.transitions import Transition, transitions
from heaters.errors import RuleError


def heads(count: int, single: dict[int, float], many: dict[range, float]) -> tuple[list[float], list[float]]:
    """Both heads, zero but for what is given."""
    one, two = [0.0] * count, [0.0] * count
    for frame, value in single.items():
        one[frame] = value
    for frames, value in many.items():
        for frame in frames:
            two[frame] = value
    return one, two


def test_hard_cut_is_the_frame_after_the_run() -> None:
    (cut,) = transitions(*heads(50, {20: 0.9}, {range(20, 21): 0.8}))
    assert cut == Transition(frame=21, start_frame=21, end_frame=21, kind=CutKind.HARD, confidence=0.9)


def test_a_smeared_hard_cut_is_one() -> None:
    (cut,) = transitions(*heads(50, {20: 0.7, 21: 0.9}, {range(19, 22): 0.8}))
    assert (cut.frame, cut.kind, cut.confidence) == (22, CutKind.HARD, 0.9)


def test_two_hard_cuts_close_together_stay_two() -> None:
    cuts = transitions(*heads(50, {20: 0.9, 24: 0.9}, {range(20, 21): 0.8, range(24, 25): 0.8}))
    assert [cut.frame for cut in cuts] == [21, 25]


def test_gradual_cut_lies_in_the_middle_of_its_span() -> None:
    (cut,) = transitions(*heads(60, {25: 0.6}, {range(20, 32): 0.9}))
    assert (cut.start_frame, cut.frame, cut.end_frame, cut.kind) == (20, 26, 32, CutKind.GRADUAL)


def test_two_peaks_of_one_dissolve_are_one_cut() -> None:
    (cut,) = transitions(*heads(60, {24: 0.6, 28: 0.8}, {range(20, 32): 0.9}))
    assert (cut.frame, cut.confidence) == (26, 0.8)


def test_clear_peaks_within_one_stretch_are_hard_cuts_of_a_montage() -> None:
    evidence = heads(60, {24: 0.95, 28: 0.99, 33: 0.6}, {range(20, 36): 0.9})
    cuts = transitions(*evidence)
    assert [(cut.frame, cut.kind) for cut in cuts] == [(25, CutKind.HARD), (29, CutKind.HARD)]
    shown = [0.9 if 20 <= frame < 36 else 0.0 for frame in range(60)]
    (cut,) = transitions(*evidence, dissolve=shown)  # the pixels show that it is one dissolve
    assert (cut.start_frame, cut.end_frame, cut.kind) == (20, 36, CutKind.GRADUAL)


def test_both_halves_of_a_fade_are_one_cut() -> None:
    (cut,) = transitions(*heads(60, {22: 0.6, 34: 0.7}, {range(20, 26): 0.9, range(26, 30): 0.15, range(30, 37): 0.9}))
    assert (cut.start_frame, cut.end_frame, cut.kind) == (20, 37, CutKind.GRADUAL)


def test_a_long_dissolve_without_a_peak_is_found_by_the_other_head() -> None:
    (cut,) = transitions(*heads(80, {40: 0.3}, {range(25, 55): 0.6}))
    assert (cut.frame, cut.kind, cut.confidence) == (40, CutKind.GRADUAL, 0.3)
    assert transitions(*heads(80, {40: 0.3}, {range(37, 43): 0.6})) == []


def test_a_wipe_that_the_network_does_not_see_is_a_gradual_cut() -> None:
    wipe = [0.0] * 20 + [0.9] * 11 + [0.0] * 29
    (cut,) = transitions([0.0] * 60, [0.0] * 60, wipe)
    assert cut == Transition(frame=26, start_frame=20, end_frame=31, kind=CutKind.GRADUAL, confidence=0.9)
    assert transitions([0.0] * 60, [0.0] * 60, [0.7 if value else 0.0 for value in wipe]) == []


def test_a_wipe_that_the_network_sees_too_is_one_cut() -> None:
    single, many = heads(60, {25: 0.9}, {range(25, 26): 0.9})
    (cut,) = transitions(single, many, [0.0] * 20 + [0.9] * 11 + [0.0] * 29)
    assert (cut.start_frame, cut.frame, cut.end_frame) == (20, 26, 31)


def test_a_dissolve_that_only_the_pixels_show_is_a_gradual_cut() -> None:
    dissolve = [0.0] * 20 + [0.8] * 10 + [0.0] * 30
    (cut,) = transitions([0.0] * 60, [0.2] * 60, dissolve=dissolve)
    assert (cut.start_frame, cut.frame, cut.end_frame, cut.kind) == (20, 25, 30, CutKind.GRADUAL)


def test_log_odds_of_a_step_move_a_peak_over_the_threshold_or_below() -> None:
    one, two = heads(50, {20: 0.8, 35: 0.3}, {})
    assert [cut.frame for cut in transitions(one, two)] == [21]
    step = [0.0] * 50
    step[20], step[35] = -3.0, 1.0
    (cut,) = transitions(one, two, step=step)
    assert (cut.frame, round(cut.confidence, 3)) == (36, 0.538)
    assert [cut.frame for cut in transitions([1.0, *one[1:]], two, step=[-3.0, *step[1:]])] == [1, 36]


def test_threshold_decides() -> None:
    one, two = heads(50, {20: 0.4}, {})
    assert transitions(one, two) == []
    assert [cut.frame for cut in transitions(one, two, threshold=0.3)] == [21]


@pytest.mark.parametrize("frame", [0, 49])
def test_no_cut_leaves_an_empty_shot(frame: int) -> None:
    cuts = transitions(*heads(50, {frame: 0.9}, {}))
    assert [cut.frame for cut in cuts] == ([1] if frame == 0 else [])


def test_all_frames_likely_is_one_gradual_cut() -> None:
    (cut,) = transitions([0.9] * 30, [0.9] * 30)
    assert (cut.frame, cut.kind) == (15, CutKind.GRADUAL)


def test_one_frame_has_no_cut() -> None:
    assert transitions([0.9], [0.9]) == []
    assert transitions([], []) == []


probability = st.one_of(st.sampled_from([0.0, 0.3, 0.6, 1.0]), st.floats(0, 1))


@given(st.lists(st.tuples(probability, probability, probability), max_size=200), st.floats(0.05, 0.95))
def test_what_always_holds(values: list[tuple[float, float, float]], threshold: float) -> None:
    single, many, wipe = [v[0] for v in values], [v[1] for v in values], [v[2] for v in values]
    cuts = transitions(single, many, wipe, threshold=threshold)
    frames = [cut.frame for cut in cuts]
    assert frames == sorted(set(frames))
    assert all(0 < frame < len(values) for frame in frames)
    assert all(a.end_frame <= b.start_frame for a, b in pairwise(cuts))
    assert all(0 <= cut.confidence <= 1 and cut.end_frame <= len(values) for cut in cuts)
    assert cuts == transitions(tuple(single), tuple(many), tuple(wipe), threshold=threshold)


def test_refusals() -> None:
    with pytest.raises(RuleError, match="'single': 1, 'many': 2"):
        transitions([0.5], [0.5, 0.5])
    with pytest.raises(RuleError, match="'wipe': 1"):
        transitions([0.5, 0.5], [0.5, 0.5], [0.5])
    with pytest.raises(RuleError, match=r"in \(0, 1\); got 1"):
        transitions([0.5], [0.5], threshold=1)
    with pytest.raises(RuleError, match="frame ≥ 1"):
        Transition(frame=0, start_frame=0, end_frame=0, kind=CutKind.HARD, confidence=1)
