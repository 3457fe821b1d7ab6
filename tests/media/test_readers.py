"""Every frame reader gives the frames of a film by number; a library that is not installed is skipped."""

from pathlib import Path

import barcode
import numpy as np
import pytest
from sources import SOURCES

from heaters import settings
from heaters.errors import ConfigError, MediaError, RuleError
from heaters.media.readers import READERS, open_frames

# Masters that are MP4 with an index; those with an edit list or orphaned frames number their frames otherwise.
FILMS = ("b_frames", "vfr", "film", "portrait", "full_chroma")
NOWHERE = Path("/nowhere/film.mp4")


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> str:
    try:
        open_frames(NOWHERE, request.param)
    except ConfigError as error:
        pytest.skip(str(error))
    except MediaError:
        pass
    return request.param


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "portrait"])
def test_every_frame_of_every_proxy_in_any_order(source, name: str, reader: str) -> None:
    made = source(name)
    count = made.prepared.frame_count
    order = [*np.random.default_rng(1).permutation(count).tolist(), count - 1, 0, 0]
    with open_frames(made.prepared.proxy, reader) as frames:
        assert len(frames) == count
        pictures = frames.read(order)
    assert pictures.dtype == np.uint8
    assert pictures.shape == (count + 3, made.prepared.height, made.prepared.width, 3)
    assert [barcode.read(picture).number for picture in pictures] == [made.numbers[index] for index in order]


@pytest.mark.parametrize("name", FILMS)
def test_frames_of_films_with_few_key_frames_in_any_order_and_in_sequence(source, name: str, reader: str) -> None:
    made = source(name)
    count = made.prepared.frame_count
    with open_frames(made.path, reader, intra=False) as frames:
        assert len(frames) == count
        chance = np.random.default_rng(2)
        for order in (chance.permutation(count).tolist(), list(range(count)), list(range(count))[::-1]):
            for index in order:  # one call each, so that a reader may go on from where it is
                assert barcode.read(frames.read([index])[0]).number == made.numbers[index]


def test_what_is_no_proxy_or_no_film_is_refused(source, reader: str) -> None:
    with pytest.raises(MediaError, match="not every frame of it is a key frame"):
        open_frames(source("b_frames").path, reader)
    with pytest.raises(MediaError, match="cannot be opened"):
        open_frames(NOWHERE, reader)


@pytest.mark.parametrize("indices", [[-1], [50], [0, 51], []])
def test_a_frame_outside_is_refused(source, indices: list[int], reader: str) -> None:
    with open_frames(source("b_frames").prepared.proxy, reader) as frames, pytest.raises(RuleError, match=r"\[0, 50\)"):
        frames.read(indices)


def test_the_settings_name_every_reader() -> None:
    assert set(READERS) == set(settings.READERS)


def test_a_reader_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "decord", None)
    with pytest.raises(ConfigError, match=r"HEATERS_READER=decord .* pip install 'heaters\[decord\]'"):
        open_frames(NOWHERE, "decord")
