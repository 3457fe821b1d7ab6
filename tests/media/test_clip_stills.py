"""Stills out of a clip's file: the frames asked for, upright and in full size, in their own colours."""

import io
from pathlib import Path

import barcode
import numpy as np
import pytest
from PIL import Image
from sources import SOURCES

from heaters.errors import MediaError, RuleError
from heaters.media.clip_stills import clip_stills

SIZES = {"b_frames": (96, 64), "wide_pixels": (128, 64), "turned_90": (64, 96)}


def picture(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg)).convert("RGB")


@pytest.mark.parametrize("name", SIZES)
def test_frames_by_number(name: str, tmp_path: Path) -> None:
    path = SOURCES[name](tmp_path)
    found = [picture(jpeg) for jpeg in clip_stills(path, [0, 7, 19], tmp_path)]
    assert [barcode.read(np.asarray(one)).number for one in found] == [0, 7, 19]
    assert {one.size for one in found} == {SIZES[name]}
    assert clip_stills(path, [7], tmp_path) == clip_stills(path, [0, 7, 19], tmp_path)[1:2]


def test_bad_numbers_are_refused(tmp_path: Path) -> None:
    path = SOURCES["b_frames"](tmp_path)
    for numbers in ([], [3, 3], [5, 2], [-1]):
        with pytest.raises(RuleError, match="rising numbers from 0"):
            clip_stills(path, numbers, tmp_path)
    with pytest.raises(MediaError, match=r"has 1 of the frames \[49, 50\]"):
        clip_stills(path, [49, 50], tmp_path)
