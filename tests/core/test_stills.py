"""Where a strategy's stills are in a clip, and what their objects are called."""

import pytest

from heaters.core.made import made_keys
from heaters.core.stills import places, still_frames, still_keys
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
