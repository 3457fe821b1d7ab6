"""Facts of frames, stills and sound that are known because they were made so."""

from functools import partial

import numpy as np
import pytest
from PIL import Image, ImageFilter
from shots import photo

from heaters.errors import RuleError
from heaters.media.listen import RATE, Heard, Sound
from heaters.media.look import seen, sharpness
from heaters.settings import LEVELS

looked = partial(seen, dark_level=LEVELS[0], frozen_level=LEVELS[1])


def heard(samples: np.ndarray, start_seconds: float = 0.0, end_seconds: float = 60.0, at: float = 0.0) -> Heard:
    """What a part of some sound that begins `at` is like, by the usual levels."""
    return Sound(samples.astype(np.float32), at).heard(start_seconds, end_seconds, silent_dbfs=LEVELS[2])


def frames(*levels: int, each: int = 1) -> np.ndarray:
    """Analysis frames of one grey each."""
    return np.repeat(np.stack([np.full((27, 48, 3), level, np.uint8) for level in levels]), each, axis=0)


def test_brightness_motion_black_and_frozen() -> None:
    half = looked([frames(0, 255)])
    assert half.brightness == pytest.approx(0.5)
    assert half.motion == pytest.approx(1.0)
    assert (half.black_share, half.frozen_share) == (0.5, 0.0)
    still = looked([frames(100, each=10)])
    assert (still.motion, still.frozen_share, still.black_share) == (0.0, 1.0, 0.0)
    mixed = looked([frames(100, each=5), frames(120, each=5)])
    assert mixed.frozen_share == pytest.approx(8 / 9)
    assert mixed.motion == pytest.approx(20 / 255 / 9, rel=1e-3)


def test_chunks_do_not_matter() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (50, 27, 48, 3), np.uint8)
    whole = looked([noise])
    parts = looked([noise[:1], noise[1:1], noise[1:30], noise[30:]])
    for name in ("motion", "brightness", "black_share", "frozen_share", "letterbox"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), abs=1e-6)


def test_a_small_light_on_black_is_not_black_and_slow_motion_not_frozen() -> None:
    night = frames(0, each=10)
    night[:, 10:14, 20:24] = 60
    assert looked([night]).black_share == 0.0
    night[5:, 10:14, 20] = 40  # six hundredths of a grey level, taken over the picture
    assert looked([night]).frozen_share == pytest.approx(8 / 9)


@pytest.mark.parametrize("level", range(256))
def test_a_level_is_dark_up_to_itself(level: int) -> None:
    grey = frames(level, each=1)
    assert looked([grey], dark_level=level).black_share == 1.0
    assert level == 0 or looked([grey], dark_level=level - 0.5).black_share == 0.0


def test_levels_say_what_is_black_and_frozen() -> None:
    dim = frames(20, each=5)
    assert looked([dim]).black_share == 0.0
    assert looked([dim], dark_level=20).black_share == 1.0
    dim[::2] += 1
    assert looked([dim]).frozen_share == 0.0
    assert looked([dim], frozen_level=1.5).frozen_share == 1.0


def test_one_frame_neither_moves_nor_stands() -> None:
    assert (looked([frames(90)]).motion, looked([frames(90)]).frozen_share) == (0.0, 0.0)
    with pytest.raises(RuleError, match="at least one frame"):
        looked([])


def test_letterbox_is_what_is_black_throughout() -> None:
    picture = np.full((20, 27, 48, 3), 200, np.uint8)
    picture[:, :3] = picture[:, -4:] = 0
    assert looked([picture]).letterbox == pytest.approx(7 / 27)
    picture[10, 0] = 200  # something shows up there once
    assert looked([picture]).letterbox == pytest.approx(4 / 27)
    pillars = np.full((20, 27, 48, 3), 200, np.uint8)
    pillars[:, :, :6] = pillars[:, :, -6:] = 2
    assert looked([pillars]).letterbox == pytest.approx(12 / 48)
    assert looked([frames(0, each=3)]).letterbox == 0.0


def test_sharpness_falls_with_blur_and_knows_no_size() -> None:
    sharp = photo("cheetah").convert("RGB").resize((1920, 1080), Image.Resampling.LANCZOS)
    levels = [
        sharpness(np.asarray(sharp.filter(ImageFilter.GaussianBlur(r * sharp.width / 480)))) for r in (0, 1, 2, 4)
    ]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 5 * levels[2]
    half = sharp.resize((960, 540), Image.Resampling.BOX)
    assert sharpness(np.asarray(half)) == pytest.approx(levels[0], rel=0.05)
    assert sharpness(np.full((100, 200, 3), 77, np.uint8)) == 0.0


def test_loudness_and_silence() -> None:
    time = np.arange(2 * RATE) / RATE
    tone = np.sin(2 * np.pi * 440 * time)
    full = heard(tone)
    assert full.loudness_dbfs == pytest.approx(-3.01, abs=0.05)  # a sine's power is half of full scale's
    assert full.silence_share == 0.0
    half = heard(np.concatenate([tone * 0.1, np.zeros(2 * RATE)]))
    assert half.loudness_dbfs == pytest.approx(-3.01 - 20 - 3.01, abs=0.1)
    assert half.silence_share == pytest.approx(0.5, abs=0.03)
    nothing = heard(np.zeros(RATE))
    assert (nothing.loudness_dbfs, nothing.silence_share) == (-100.0, 1.0)


@pytest.mark.parametrize("at", [0.0, 7.5])
def test_a_part_of_the_sound_alone(at: float) -> None:
    """Two seconds of silence, two of a tone, two of silence, from a place of the film on."""
    time = np.arange(2 * RATE) / RATE
    quiet, tone = np.zeros(2 * RATE), np.sin(2 * np.pi * 440 * time)
    whole = np.concatenate([quiet, tone, quiet])
    for start, loudness, silence in ((2.0, -3.01, 0.0), (0.0, -100.0, 1.0), (4.0, -100.0, 1.0)):
        part = heard(whole, at + start, at + start + 2.0, at)
        assert (part.loudness_dbfs, part.silence_share) == (pytest.approx(loudness, abs=0.05), silence)
    assert heard(whole, at + 1.0, at + 3.0, at).silence_share == pytest.approx(0.5, abs=0.05)
    for outside in (heard(whole, at + 50.0, at + 51.0, at), heard(whole, at + 6.0, at + 6.0, at)):
        assert (outside.loudness_dbfs, outside.silence_share) == (None, None)
