"""Which stills a strategy takes, and what a change of it makes due."""

from dataclasses import replace

import pytest

from heaters.errors import ConfigError
from heaters.settings import Settings, load


@pytest.mark.parametrize("text", ["multi:", "multi:4", "multi:1", "multi:27", "multi:x", "multi:²", "several"])
def test_other_counts_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="HEATERS_KEYFRAMES must be one of multi, midpoint, multi:N with an odd N"):
        load({"HEATERS_KEYFRAMES": text})


def test_an_average_of_other_stills_is_another_variant_a_middle_one_is_not(settings: Settings) -> None:
    assert load({"HEATERS_KEYFRAMES": "multi:3"}).keyframes == "multi"
    five = replace(settings, keyframes="multi:5")
    assert five.variant("keyframes") == "multi:5"
    assert settings.variant("embedding") == "starter|multi_average"
    assert five.variant("embedding") == "starter|multi_average/multi:5"
    single = replace(five, embedding_strategy="single")
    assert single.variant("embedding") == replace(settings, embedding_strategy="single").variant("embedding")
