"""Which stills a strategy takes, and what a change of it makes due."""

from dataclasses import replace

import pytest

from heaters.errors import ConfigError
from heaters.settings import Settings, load
from heaters.settings.parse import MULTI_STILLS
from heaters.stages.embed import chosen
from heaters.stages.keyframes import kernel, places


def test_three_stills_are_the_quarters() -> None:
    assert places("multi") == places("multi:3") == {"p25": 25, "p50": 50, "p75": 75}
    assert places("midpoint") == {"p50": 50}
    assert kernel(100, 200, "multi") == {"p25": 125, "p50": 150, "p75": 175}
    assert kernel(7, 8, "multi") == {"p25": 7, "p50": 7, "p75": 7}


@pytest.mark.parametrize("count", MULTI_STILLS)
def test_more_stills_are_even_have_a_middle_and_sort_in_time_order(count: int) -> None:
    found = places(f"multi:{count}")
    assert len(found) == count
    assert list(found) == sorted(found)
    assert found["p50"] == 50
    frames = kernel(1000, 1500, f"multi:{count}")
    assert list(frames.values()) == sorted(set(frames.values()))
    assert all(1000 <= frame < 1500 for frame in frames.values())
    assert chosen(list(frames), [str(f) for f in frames.values()], "single") == ["1250"]


@pytest.mark.parametrize("text", ["multi:", "multi:4", "multi:1", "multi:27", "multi:x", "multi:²", "several"])
def test_other_counts_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="HEATERS_KEYFRAMES must be one of multi, midpoint, multi:N with an odd N"):
        load({"HEATERS_KEYFRAMES": text})


def test_an_average_of_other_stills_is_another_variant_a_middle_one_is_not(settings: Settings) -> None:
    assert load({"HEATERS_KEYFRAMES": "multi:3"}).keyframes == "multi"
    five = replace(settings, keyframes="multi:5")
    assert five.variant("keyframes") == "multi:5"
    assert settings.variant("embedding") == "starter|multi_average"
    assert five.variant("embedding") == "starter|multi_average|multi:5"
    single = replace(five, embedding_strategy="single")
    assert single.variant("embedding") == replace(settings, embedding_strategy="single").variant("embedding")
