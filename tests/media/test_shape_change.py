"""A picture whose size and shape change on the way: each frame keeps its shape, each clip has its own."""

import io
from collections.abc import Sequence
from pathlib import Path

import av
import barcode
import numpy as np
import pytest
from PIL import Image
from prepared_source import Source, make
from shaped import PART, SIZES, changing, inside

from heaters.media.cutting import Exported
from heaters.media.master import Master
from heaters.media.profiles import profile
from heaters.media.proxy import make_proxy
from heaters.media.samples import SampleTrack

WIDE, LARGE, TALL = SIZES
RUNS = ((0, *WIDE), (PART, *LARGE), (2 * PART, *TALL))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return make(changing(tmp_path_factory.mktemp("changing")), is_legible=False)


def size_of(frame: int) -> tuple[int, int]:
    return SIZES[frame // PART]


def decoded(path: Path) -> list[barcode.Picture]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def numbers(pictures: Sequence[barcode.Picture], first: int = 0) -> list[int]:
    return [barcode.read_barcode(inside(picture, size_of(frame))) for frame, picture in enumerate(pictures, first)]


def export(film: Source, name: str, out: Path, start: int, end: int) -> Exported:
    bounds, shapes = film.bounds(start, end), film.prepared.shapes.within(start, end)
    common = {"has_audio": False, "threads": 2, "timeout_seconds": 60, "time_base": film.prepared.time_base}
    return profile(name).export(film.path, out, **bounds, **common, pictures=film.pictures[start:end], shapes=shapes)


def test_the_record_says_which_frames_have_which_shape(film: Source) -> None:
    assert film.prepared.shapes.runs == RUNS
    assert film.prepared.frame_count == 3 * PART


def test_the_proxy_shows_each_shape_between_bars(film: Source, tmp_path: Path) -> None:
    assert film.prepared.proxy is not None
    pictures = decoded(film.prepared.proxy)
    assert {picture.shape for picture in pictures} == {WIDE[::-1]}
    assert numbers(pictures) == list(range(3 * PART))
    base, pts = film.prepared.time_base, np.array(film.pts)
    how = {"has_audio": False, "threads": 2, "timeout_seconds": 60, "memory_bytes": 2**33}
    alone = make_proxy(film.path, tmp_path / "alone.mp4", film.probe, pts=pts, time_base=base, **how)
    assert alone.path.read_bytes() == film.prepared.proxy.read_bytes()


def test_each_sample_has_its_own_shape(film: Source) -> None:
    with SampleTrack(film.prepared.samples) as track:
        found = {int(frame): track.read(int(frame)).picture() for frame in track.frames}
    assert {frame: picture.size for frame, picture in found.items()} == {frame: size_of(frame) for frame in found}
    assert [barcode.read_barcode(np.asarray(picture)) for picture in found.values()] == list(found)
    assert {size_of(frame) for frame in found} == set(SIZES)


def test_stills_of_the_master_have_their_own_shape(film: Source, tmp_path: Path) -> None:
    frames = [5, PART + 3, 2 * PART + 1]
    master = Master(path=film.path, probe=film.probe, folder=tmp_path, has_audio=False)
    sizes = [size_of(frame) for frame in frames]
    wanted = [film.pts[frame] for frame in frames]
    found = master.frames(wanted, film.prepared.time_base, film.pictures[frames], sizes)
    pictures = [Image.open(io.BytesIO(jpeg)).convert("RGB") for jpeg in found]
    assert [picture.size for picture in pictures] == sizes
    assert [barcode.read_barcode(np.asarray(picture)) for picture in pictures] == frames


@pytest.mark.parametrize(
    ("clip", "size", "copied"),
    [
        ((0, PART), WIDE, True),
        ((5, PART - 2), WIDE, True),
        ((PART, 2 * PART), LARGE, False),
        ((PART + 3, PART + 4), LARGE, False),
        ((2 * PART + 4, 3 * PART), TALL, False),
    ],
)
@pytest.mark.parametrize("name", ["copy", "encode"])
def test_a_clip_has_its_own_shape(
    film: Source, name: str, clip: tuple[int, int], size: tuple[int, int], copied: bool, tmp_path: Path
) -> None:
    out = tmp_path / "clip.mp4"
    made = export(film, name, out, *clip)
    pictures = decoded(out)
    assert {picture.shape for picture in pictures} == {size[::-1]}
    assert [barcode.read_barcode(picture) for picture in pictures] == list(range(*clip))
    assert (made.width, made.height) == size
    assert ("peculiar picture shape" in made.rule) == (name == "copy" and not copied)


@pytest.mark.parametrize(("clip", "size"), [((5, 35), WIDE), ((15, 38), LARGE), ((30, 3 * PART), TALL)])
def test_a_clip_of_several_shapes_has_that_of_most_frames(
    film: Source, clip: tuple[int, int], size: tuple[int, int], tmp_path: Path
) -> None:
    out = tmp_path / "clip.mp4"
    made = export(film, "copy", out, *clip)
    pictures = decoded(out)
    assert {picture.shape for picture in pictures} == {size[::-1]}
    assert numbers(pictures, clip[0]) == list(range(*clip))
    assert (made.width, made.height, made.copied) == (*size, 0)
    assert made.rule.startswith("peculiar picture shape: frames of ")
    assert made.rule.endswith("; the file begins with 96 × 64")


def test_analysis_frames_are_scaled_whatever_the_shape(film: Source) -> None:
    assert [barcode.read_barcode(picture) for picture in film.pictures] == list(range(3 * PART))
