"""Every frame reader gives the frames of a film by number; a library that is not installed is skipped."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import barcode
import numpy as np
import pytest
from sources import B_FRAMES, vfr_pts

from heaters import settings
from heaters.errors import ConfigError, MediaError, RuleError, StoreError
from heaters.media.readers import READERS, open_frames

NOWHERE = Path("/nowhere/film.mp4")
FRAMES, SIDES = 50, {"width": 192, "height": 128}
FILMS: dict[str, dict[str, Any]] = {
    "proxy": {"options": {**B_FRAMES, "bf": "0", "g": "1"}},
    "b_frames": {"options": B_FRAMES},
    "vfr": {"pts": vfr_pts(FRAMES), "time_base": Fraction(1, 90000), "options": B_FRAMES},
    "full_chroma": {"pix_fmt": "yuv444p", "options": B_FRAMES},
}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Films of FRAMES frames, of which frame n shows n; only those of the proxy are key frames."""
    folder = tmp_path_factory.mktemp("readers")
    return {name: barcode.write(folder / f"{name}.mp4", FRAMES, **SIDES, **given) for name, given in FILMS.items()}


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> str:
    try:
        open_frames(NOWHERE, request.param)
    except ConfigError as error:
        pytest.skip(str(error))
    except StoreError:
        pass
    return request.param


@pytest.mark.parametrize("name", FILMS)
def test_every_frame_in_any_order_and_in_sequence(films: dict[str, Path], name: str, reader: str) -> None:
    chance = np.random.default_rng(2)
    with open_frames(films[name], reader, intra=name == "proxy") as frames:
        assert len(frames) == FRAMES
        for order in (chance.permutation(FRAMES).tolist(), list(range(FRAMES)), list(range(FRAMES))[::-1], [49, 0, 0]):
            together = frames.read(order)
            assert (together.dtype, together.shape) == (np.uint8, (len(order), 128, 192, 3))
            assert [barcode.read(picture).number for picture in together] == order
            for index in order:  # one call each, so that a reader may go on from where it is
                assert barcode.read(frames.read([index])[0]).number == index


def test_what_is_no_proxy_or_no_film_is_refused(films: dict[str, Path], reader: str) -> None:
    with pytest.raises(MediaError, match="not every frame of it is a key frame"):
        open_frames(films["b_frames"], reader)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_frames(NOWHERE, reader)


@pytest.mark.parametrize("indices", [[-1], [50], [0, 51], []])
def test_a_frame_outside_is_refused(films: dict[str, Path], indices: list[int], reader: str) -> None:
    with open_frames(films["proxy"], reader) as frames, pytest.raises(RuleError, match=r"\[0, 50\)"):
        frames.read(indices)


def test_a_film_that_decord_reads_wrong_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("decord")
    # So narrow that rows are padded to four channels and more on every CPU; with AVX-512 they are up to 96 pixels.
    narrow = barcode.write(tmp_path / "narrow.mp4", 4, width=24, height=64, options=B_FRAMES)
    with pytest.raises(MediaError, match="too narrow for decord"):
        open_frames(narrow, "decord", intra=False)


def test_the_settings_name_every_reader() -> None:
    assert set(READERS) == set(settings.READERS)


def test_a_reader_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "decord", None)
    with pytest.raises(ConfigError, match=r"HEATERS_READER=decord .* pip install 'heaters\[decord\]'"):
        open_frames(NOWHERE, "decord")
