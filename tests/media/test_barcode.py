"""The test videos' own reader: it must not find what is not there."""

import barcode
import numpy as np
import pytest


@pytest.mark.parametrize("number", [0, 1, 63, 5300, 16383])
@pytest.mark.parametrize("sides", [(48, 27), (27, 48), (96, 64), (97, 53), (320, 240)])
def test_every_turn_and_mirror_is_read(number: int, sides: tuple[int, int]) -> None:
    picture = barcode.draw(number, *sides)
    for turns in range(4):
        for mirrored in (False, True):
            seen = np.rot90(picture, turns)
            reading = barcode.read(seen[:, ::-1] if mirrored else seen)
            assert reading.number == number
            assert reading.mirrored == mirrored
    assert barcode.read(np.rot90(picture)).quarter_turns == 1


def test_noise_and_flat_pictures_are_no_bar_code() -> None:
    dice = np.random.default_rng(1)
    for picture in (np.zeros((27, 48)), np.full((27, 48), 128), dice.integers(0, 256, (27, 48))):
        with pytest.raises(ValueError, match="no bar code"):
            barcode.read(picture.astype(np.uint8))


def test_desync_is_measured() -> None:
    sound = barcode.rising_tone(1.0, 1.0)
    assert barcode.desync_seconds(sound, 1.0) == 0
    assert barcode.desync_seconds(sound, 1.02) == pytest.approx(0.02, abs=1e-4)
