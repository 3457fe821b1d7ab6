"""Where a strategy's stills are in a clip, and what their objects are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaters.core.made import made_keys
from heaters.core.stills import places, sampled_frames, still_frames, still_keys
from heaters.settings.parse import MULTI_STILLS

FILM = "ab" * 32


def test_three_stills_are_the_quarters() -> None:
    assert places("multi") == places("multi:3") == {"p25": 25, "p50": 50, "p75": 75}
    assert places("midpoint") == {"p50": 50}
    assert still_frames(100, 200, "multi") == {"p25": 125, "p50": 150, "p75": 175}
    assert still_frames(7, 8, "multi") == {"p25": 7, "p50": 7, "p75": 7}


@pytest.mark.parametrize("count", MULTI_STILLS)
def test_more_stills_are_even_have_a_middle_and_sort_in_time_order(count: int) -> None:
    found = places(f"multi:{count}")
    assert len(found) == count
    assert list(found) == sorted(found)
    assert found["p50"] == 50
    frames = still_frames(1000, 1500, f"multi:{count}")
    assert frames.keys() == found.keys()
    assert list(frames.values()) == sorted(set(frames.values()))
    assert all(1000 <= frame < 1500 for frame in frames.values())


def test_sampled_stills_are_the_nearest_samples_in_the_clip() -> None:
    samples = [0, 12, 25, 37, 50, 62, 75]
    assert sampled_frames(10, 60, "multi", samples) == {"p25": 25, "p50": 37, "p75": 50}  # asked for: 22, 35, 47
    assert sampled_frames(12, 37, "multi", samples) == {"p25": 12, "p50": 25, "p75": 25}  # 37 is another clip's
    assert sampled_frames(0, 24, "midpoint", [0, 6, 18]) == {"p50": 6}  # of two as near the earlier
    assert sampled_frames(26, 37, "multi", samples) == sampled_frames(80, 99, "multi", samples) == {}


@given(st.lists(st.integers(0, 500), max_size=60, unique=True), st.integers(0, 400), st.integers(1, 200))
def test_no_other_sample_in_the_clip_is_nearer(frames: list[int], start: int, length: int) -> None:
    samples = sorted(frames)
    inside = [frame for frame in samples if start <= frame < start + length]
    found = sampled_frames(start, start + length, "multi:5", samples)
    wanted = still_frames(start, start + length, "multi:5")
    assert found == ({t: min(inside, key=lambda s: abs(s - f)) for t, f in wanted.items()} if inside else {})


def test_keys_are_of_the_clip_the_strategy_and_the_place() -> None:
    assert still_keys(FILM, 30, 60, "midpoint") == {"p50": f"clips/{FILM}/00000030-00000060/keyframes-midpoint/p50.jpg"}
    assert (
        next(iter(still_keys(FILM, 0, 9, "multi:5").values()))
        == f"clips/{FILM}/00000000-00000009/keyframes-multi-5/p17.jpg"
    )


def test_what_is_made_of_a_clip_is_its_stills_and_files() -> None:
    folder = f"clips/{FILM}/00000030-00000060"
    assert made_keys(FILM, 30, 60, strategies=[], files=[]) == []
    assert made_keys(FILM, 30, 60, strategies=["midpoint", "multi"], files=["source 0f", "proxy 1f"]) == [
        f"{folder}/keyframes-midpoint/p50.jpg",
        *(f"{folder}/keyframes-multi/p{percent}.jpg" for percent in (25, 50, 75)),
        f"{folder}/source-0f.mp4",
        f"{folder}/proxy-1f.mp4",
    ]
