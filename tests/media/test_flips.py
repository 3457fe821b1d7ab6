"""MPEG-2 whose aspect changes at one and the same size: every frame is shown as its own header says."""

from fractions import Fraction
from pathlib import Path

import av
import barcode
import numpy as np
import pytest
import shaped
from prepared_source import Source, make
from shaped import FLIPS, PART, flipping, inside

from heaters.media.flips import LOOK_BYTES, aspects_looked_at, read_headers
from heaters.media.master import Master
from heaters.media.profiles import profile
from heaters.media.proxy import make_proxy
from heaters.media.samples import SampleTrack

RUNS = tuple((PART * place, *size) for place, size in enumerate(FLIPS))


@pytest.fixture(scope="module", params=["vob", "ts", "m2v"])
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Source:
    return make(flipping(tmp_path_factory.mktemp("flips"), request.param), is_legible=False)


def size_of(frame: int) -> tuple[int, int]:
    return FLIPS[frame // PART]


def test_the_record_follows_the_headers(film: Source) -> None:
    assert film.prepared.shapes.runs == RUNS
    assert not list(film.prepared.samples.parent.glob("headers.*"))


def test_the_proxy_shows_each_aspect_between_bars(film: Source, tmp_path: Path) -> None:
    assert film.prepared.proxy is not None
    with av.open(str(film.prepared.proxy)) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert {picture.shape for picture in pictures} == {FLIPS[0][::-1]}
    found = [barcode.read_barcode(inside(picture, size_of(frame))) for frame, picture in enumerate(pictures)]
    assert found == list(range(3 * PART))
    alone = make_proxy(
        film.path,
        tmp_path / "alone.mp4",
        film.probe,
        pts=np.array(film.pts),
        time_base=film.prepared.time_base,
        has_audio=False,
        threads=2,
        timeout_seconds=60,
        memory_bytes=2**33,
        shapes=film.prepared.shapes,
    )
    assert alone.path.read_bytes() == film.prepared.proxy.read_bytes()


def test_samples_and_stills_have_their_own_aspect(film: Source, tmp_path: Path) -> None:
    with SampleTrack(film.prepared.samples) as track:
        found = {int(frame): track.read(int(frame)).picture() for frame in track.frames}
    assert {frame: picture.size for frame, picture in found.items()} == {frame: size_of(frame) for frame in found}
    assert [barcode.read_barcode(np.asarray(picture)) for picture in found.values()] == list(found)
    frames = [PART + 3, PART + 5]
    master = Master(path=film.path, probe=film.probe, folder=tmp_path, has_audio=False)
    wanted, sizes = [film.pts[frame] for frame in frames], [size_of(frame) for frame in frames]
    stills = master.frames(wanted, film.prepared.time_base, film.pictures[frames], sizes)
    for number, jpeg in enumerate(stills):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(jpeg)
        assert shaped.shown(path) == pytest.approx(FLIPS[1][0] / FLIPS[1][1])


@pytest.mark.parametrize(
    ("clip", "size", "is_mixed"),
    [((2, PART), FLIPS[0], False), ((PART, 2 * PART), FLIPS[1], False), ((PART - 3, PART + 9), FLIPS[1], True)],
)
def test_a_clip_has_its_own_aspect(
    film: Source, clip: tuple[int, int], size: tuple[int, int], is_mixed: bool, tmp_path: Path
) -> None:
    out = tmp_path / "clip.mp4"
    made = profile("copy").export(
        film.path,
        out,
        **film.bounds(*clip),
        time_base=film.prepared.time_base,
        has_audio=False,
        threads=2,
        timeout_seconds=60,
        pictures=film.pictures[slice(*clip)],
        shapes=film.prepared.shapes.within(*clip),
    )
    assert shaped.shown(out) == pytest.approx(size[0] / size[1], rel=0.01)
    assert made.width / made.height == pytest.approx(size[0] / size[1], rel=0.01)
    if not is_mixed:
        assert barcode.read_video(out)[0] == list(range(*clip))
        return
    with av.open(str(out)) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    found = [barcode.read_barcode(inside(picture, size_of(n))) for n, picture in enumerate(pictures, clip[0])]
    assert found == list(range(*clip))


def test_a_film_of_one_aspect_is_not_read_again(tmp_path: Path) -> None:
    plain = barcode.write(tmp_path / "plain.mkv", 30, codec="ffv1")
    path = tmp_path / "film.ts"
    barcode.ffmpeg("-i", plain, "-aspect", "16:9", "-c:v", "mpeg2video", "-q:v", "2", path)
    assert aspects_looked_at(path) == {3}
    assert make(path).prepared.shapes.changes == ()


def test_places_all_over_a_large_file_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "large.vob"
    header = bytes.fromhex("000001b3160120")
    with path.open("wb") as file:
        file.write(header + b"\x23" + bytes(LOOK_BYTES))
        file.seek(200 * LOOK_BYTES)
        file.write(header + b"\x33")
        file.seek(300 * LOOK_BYTES)
        file.write(header + b"\x43")
    assert aspects_looked_at(path) == {2, 3, 4} or aspects_looked_at(path) == {2, 4}
    empty = tmp_path / "empty.vob"
    empty.write_bytes(header)
    assert aspects_looked_at(empty) == set()


def test_headers_are_read_with_their_times(tmp_path: Path) -> None:
    units, log = tmp_path / "units", tmp_path / "log"
    header = bytes.fromhex("000001b3160120")
    units.write_bytes(header + b"\x33" + b"....." + header + b"\x23")
    log.write_text("#tb 0: 1/90000\n0, -3600, 0, 3600, 13, 0x0\n0, 7200, -9223372036854775808, 3600, 8, 0x0\n")
    assert read_headers(units, log, Fraction(1, 90000), 0) == [(0, 3), (10800, 2)]
    assert read_headers(units, log, Fraction(1, 1000), 0) == [(0, 3), (120, 2)]
    log.write_text("#tb 0: 1/90000\n")
    assert read_headers(units, log, Fraction(1, 90000), 0) == []
