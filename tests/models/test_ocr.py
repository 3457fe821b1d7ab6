"""Text in pictures: drawn in a known place, or not there at all."""

import sys

import numpy as np
import pytest
from PIL import ImageDraw, ImageFont
from shots import photo

from heaters.errors import ConfigError
from heaters.models.ocr import Reader


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def captioned(text: str, size: int) -> tuple[np.ndarray, float]:
    """A photo with a white caption on a black bar, and the share of the picture that the letters' box takes."""
    picture = photo("cat").convert("RGB").resize((1280, 720))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size)
    left, top, right, bottom = pen.textbbox((80, 600), text, font=font)
    pen.rectangle((0, 580, 1280, 720), fill="black")
    pen.text((80, 600), text, font=font, fill="white")
    return np.asarray(picture), (right - left) * (bottom - top) / (1280 * 720)


@pytest.mark.parametrize(("text", "size"), [("Breaking news tonight", 60), ("SUBSCRIBE NOW", 90)])
def test_a_caption_counts_by_its_area(reader: Reader, text: str, size: int) -> None:
    picture, share = captioned(text, size)
    assert share < reader.share(picture) < 2 * share  # its outlines are wider than the letters


@pytest.mark.parametrize("name", ["lion", "cheetah", "cat", "coffee", "tower"])
def test_animals_and_cups_are_no_text(reader: Reader, name: str) -> None:
    assert reader.share(np.asarray(photo(name).convert("RGB"))) == 0.0


def test_one_colour_is_no_text(reader: Reader) -> None:
    assert reader.share(np.full((90, 160, 3), 128, np.uint8)) == 0.0


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(ConfigError, match=r"HEATERS_TEXT=1 needs .*heaters\[text\]"):
        Reader()
