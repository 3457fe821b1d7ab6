"""Frames in a file, read as they are needed."""

from pathlib import Path

import numpy as np
import pytest

from heaters.errors import IntegrityError, RuleError
from heaters.models.raw_frames import RawFrames
from heaters.models.windows import stretch


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, 27, 48, 3), dtype=np.uint8)


@pytest.fixture
def path(tmp_path: Path, frames: np.ndarray) -> Path:
    frames.tofile(tmp_path / "analysis.rgb")
    return tmp_path / "analysis.rgb"


def test_slices_equal_the_array(path: Path, frames: np.ndarray) -> None:
    raw = RawFrames(path, 60)
    assert (len(raw), raw.shape, raw.dtype, raw.ndim) == (60, frames.shape, frames.dtype, 4)
    for part in (slice(0, 60), slice(7, 8), slice(50, 99), slice(9, 9), slice(None), slice(-3, None)):
        assert np.array_equal(raw[part], frames[part])
    for number in (0, 59, -1, np.int64(7)):
        assert np.array_equal(raw[number], frames[number])
    with pytest.raises(IndexError, match="got 60"):
        raw[60]
    for raws, arrays in zip(stretch(raw, -9, 70, 32), stretch(frames, -9, 70, 32), strict=True):
        assert np.array_equal(raws, arrays)


def test_a_deleted_file_is_still_read(path: Path, frames: np.ndarray) -> None:
    raw = RawFrames(path, 60)
    path.unlink()
    assert np.array_equal(raw[10:20], frames[10:20])


def test_a_file_of_another_length_is_refused(path: Path) -> None:
    with pytest.raises(IntegrityError, match="must hold 61 frames of 3888 bytes; it holds 233280 bytes"):
        RawFrames(path, 61)


def test_a_file_that_loses_its_end_raises_where_a_memory_map_would_kill(path: Path) -> None:
    raw = RawFrames(path, 60)
    with path.open("r+b") as file:
        file.truncate(30 * 3888)
    assert len(raw[0:30]) == 30
    with pytest.raises(IntegrityError, match="has lost the frames from 30 on"):
        raw[20:40]


def test_only_frames_in_order(path: Path) -> None:
    with pytest.raises(RuleError, match="step of 2"):
        RawFrames(path, 60)[::2]
