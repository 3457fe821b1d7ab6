"""Bounds on the length of shots, against the plain wording of the rule."""

import math
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaters.core.cuts import Cuts
from heaters.errors import RuleError

quick = settings(max_examples=200, deadline=None, derandomize=True)


def merged_slowly(cuts: Cuts, min_frames: int, confidence: dict[int, float]) -> Cuts:
    """While there is a short shot, remove the least confident of all cuts beside short shots."""
    while True:
        beside = {
            cut
            for clip in cuts.clips()
            if clip.frame_count < min_frames
            for cut in (clip.start_frame, clip.end_frame)
            if 0 < cut < cuts.frame_count
        }
        if not beside:
            return cuts
        cuts = cuts.merge(min(beside, key=lambda cut: (confidence.get(cut, math.inf), cut)))[0]


def split_slowly(cuts: Cuts, max_frames: int, probability: list[float], min_frames: int) -> Cuts:
    """While there is a long shot, split it at its most likely frame; ties to the middle, then to the left."""
    while True:
        clip = next((clip for clip in cuts.clips() if clip.frame_count > max_frames), None)
        if clip is None:
            return cuts
        twice_middle = clip.start_frame + clip.end_frame
        inside = range(clip.start_frame + min_frames, clip.end_frame - min_frames + 1)
        cut = min(inside, key=lambda f: (-probability[f], abs(2 * f - twice_middle), f))
        cuts = cuts.split(cut, min_frames)[0]


def test_the_less_confident_cut_goes_first() -> None:
    cuts = Cuts.of(100, [40, 45, 50])
    assert cuts.without_short(6, {40: 0.9, 45: 0.8, 50: 0.95}).frames == (40, 50)
    assert cuts.without_short(12, {40: 0.9, 45: 0.8, 50: 0.95}).frames == (50,)
    assert cuts.without_short(12, {40: 0.9, 45: 0.8}).frames == (50,), "a manual cut is certain"
    assert cuts.without_short(12, {}).frames == (50,), "of equals the earlier"
    assert cuts.without_short(101, {}).frames == (), "a video shorter than the minimum is one clip"
    assert Cuts.of(100, [3]).without_short(5, {3: 1.0}).frames == ()
    assert cuts.without_short(5, {}) == cuts.without_short(0, {}) == cuts


@quick
@given(st.integers(1, 120), st.integers(0, 40), st.integers(0, 10**6))
def test_no_shot_stays_short(frame_count: int, min_frames: int, seed: int) -> None:
    chance = random.Random(seed)
    cuts = Cuts.of(frame_count, (f for f in range(1, frame_count) if chance.random() < 0.2))
    confidence = {f: chance.choice([0.5, 0.6, 0.7, chance.random()]) for f in cuts.frames if chance.random() < 0.9}
    kept = cuts.without_short(min_frames, confidence)
    assert kept == merged_slowly(cuts, min_frames, confidence)
    assert set(kept.frames) <= set(cuts.frames)
    assert len(kept.clips()) == 1 or min(clip.frame_count for clip in kept.clips()) >= min_frames
    assert kept.without_short(min_frames, confidence) == kept


def test_long_shots_are_split_at_their_most_likely_frame() -> None:
    cuts = Cuts.of(100, [60])
    likely = [0.0] * 100
    likely[20], likely[3] = 0.4, 0.9
    assert cuts.with_maximum(40, likely, 10).frames == (20, 60)
    assert cuts.with_maximum(60, likely).frames == (60,)
    assert cuts.with_maximum(40, lambda _: 0.5).frames == (30, 60), "ties: nearest the middle"
    assert Cuts(frame_count=7).with_maximum(4, [0.5] * 7).frames == (3,), "then the earlier"
    assert Cuts(frame_count=5).with_maximum(1, [0.5] * 5).frames == (1, 2, 3, 4)


@quick
@given(st.integers(1, 90), st.integers(1, 8), st.integers(0, 20), st.integers(1, 8), st.integers(0, 10**6))
def test_no_shot_stays_long(frames: int, least: int, slack: int, levels: int, seed: int) -> None:
    chance = random.Random(seed)
    most = 2 * least - 1 + slack
    cuts = Cuts.of(frames, (f for f in range(1, frames) if chance.random() < 0.03))
    probability = [chance.randrange(levels) / levels for _ in range(frames)]
    split = cuts.with_maximum(most, probability, least)
    assert split == split_slowly(cuts, most, probability, least)
    assert set(cuts.frames) <= set(split.frames)
    assert max(clip.frame_count for clip in split.clips()) <= most
    for clip in split.clips():
        assert clip.frame_count >= least or clip in cuts.clips()


def test_with_maximum_fails() -> None:
    cuts = Cuts(frame_count=10)
    with pytest.raises(RuleError, match="max_length = 4, min_length = 3"):
        cuts.with_maximum(4, [0.0] * 10, 3)
    with pytest.raises(RuleError, match="max_length = 4, min_length = 0"):
        cuts.with_maximum(4, [0.0] * 10, 0)
    with pytest.raises(RuleError, match="one probability per frame: 10; got 9"):
        cuts.with_maximum(4, [0.0] * 9)
    with pytest.raises(RuleError, match=r"NaN in \[0, 10\)"):
        cuts.with_maximum(4, [math.nan] * 10)


def test_a_slope_is_not_quadratic() -> None:
    """Ten minutes without a cut whose probability falls slowly: each split takes one frame off the left."""
    frames = 18_000
    begun = time.process_time()
    split = Cuts(frame_count=frames).with_maximum(250, [1 - f / frames for f in range(frames)])
    assert len(split.frames) == frames - 250
    assert time.process_time() - begun < 5  # 0.1 s; scanning every part again is 160 million steps
