"""Holes in a file's time are closed, in every reader of it, and cost nothing; what only looks like one stays."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import barcode
import flashes
import numpy as np
import pytest

from heaters.core.timebase import PtsTable, TimeBase
from heaters.media.hole_search import Spans, holes_of
from heaters.media.holes import Hole, in_file, opened, removed_before
from heaters.media.master import Master
from heaters.media.prepare import Prepared, prepare
from heaters.media.probe import Probe, probe
from heaters.media.profiles import profile

FRAMES, AT = 150, 75
SECONDS = FRAMES / flashes.FRAMES_PER_SECOND


def jumping(name: str, seconds: float, *, codec: str = "libopus") -> Callable[[Path], Path]:
    """Picture and sound pause for `seconds` before frame AT."""

    def make(folder: Path) -> Path:
        film, out = flashes.film(folder / "film.mkv", FRAMES, codec=codec), folder / name
        begin = AT / flashes.FRAMES_PER_SECOND - 0.005
        # Frame AT is a key frame: what is decoded after it is shown after it.
        times = (f"{t}='{t.upper()}+if(gte(PTS*TB,{begin}),{seconds}/TB,0)'" for t in ("pts", "dts"))
        jump = f"setts={':'.join(times)}"
        barcode.ffmpeg("-i", film, "-c", "copy", "-bsf:v", jump, "-bsf:a", jump, out)
        return out

    return make


FILMS = {
    "Matroska, 9 hours": jumping("jump.mkv", 9 * 3600),
    "Matroska, 15 s": jumping("short.mkv", 15),
    "MP4, 20 minutes": jumping("jump.mp4", 1200, codec="aac"),
    "MOV, 20 minutes": jumping("jump.mov", 1200, codec="aac"),
    "FLV, 20 minutes": jumping("jump.flv", 1200, codec="aac"),
    "transport stream, 20 minutes": jumping("jump.ts", 1200, codec="aac"),
}


@pytest.fixture(scope="module", params=FILMS)
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Probe, Prepared]:
    """A film with a hole, prepared."""
    folder = tmp_path_factory.mktemp("film")
    path = FILMS[request.param](folder)
    made = folder / "made"
    made.mkdir()
    facts = probe(path)
    return path, facts, prepare(path, made, facts, threads=2, timeout_seconds=20)


def test_time_is_what_the_file_holds(film: tuple[Path, Probe, Prepared]) -> None:
    _, _, made = film
    assert made.frame_count == FRAMES
    assert made.duration_seconds == pytest.approx(SECONDS, abs=0.1)
    assert not made.is_partial, made.partial_reason
    steps = np.diff(np.load(made.pts)) * float(made.time_base)
    assert np.abs(np.delete(steps, AT - 1) - 1 / flashes.FRAMES_PER_SECOND).max() < 0.002
    assert steps[AT - 1] < 0.15, "sound went on a little after the last picture"


def test_picture_and_sound_stay_together(film: tuple[Path, Probe, Prepared], tmp_path: Path) -> None:
    path, _, made = film
    assert made.proxy is not None
    assert flashes.largest_offset(made.proxy) < 1 / flashes.FRAMES_PER_SECOND
    pts = [*np.load(made.pts).tolist(), made.end_pts]
    pictures = np.fromfile(made.analysis, np.uint8).reshape(-1, 27, 48, 3)
    for name in ("copy", "encode"):
        for start, end in ((60, 90), (90, 150)):
            out = tmp_path / f"{name}-{start}.mp4"
            profile(name).export(
                path, out, start_pts=pts[start], end_pts=pts[end], time_base=made.time_base, frame_count=end - start,
                has_audio=True, threads=2, timeout_seconds=20, pictures=pictures[start:end],
            )  # fmt: skip
            assert barcode_numbers(out) == list(range(start, end))
            assert flashes.largest_offset(out) < 1 / flashes.FRAMES_PER_SECOND


def barcode_numbers(path: Path) -> list[int]:
    """The numbers in the lower half of each picture."""
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return [barcode.read(picture[picture.shape[0] // 2 :]).number for picture in pictures]


def test_single_frames_and_stretches_of_sound_are_reached(film: tuple[Path, Probe, Prepared], tmp_path: Path) -> None:
    path, facts, made = film
    master = Master(path=path, probe=facts, folder=tmp_path, has_audio=True, threads=2, timeout_seconds=20)
    looks = np.fromfile(made.analysis, np.uint8).reshape(-1, 27, 48, 3)
    pts = np.load(made.pts)
    wanted = [10, AT - 1, AT, 140]
    assert len(master.frames(pts[wanted].tolist(), made.time_base, looks[wanted])) == len(wanted)
    begin = int(pts[flashes.flash_frames(FRAMES)[-1]]) * made.time_base
    heard = master.sound(begin - 1, begin + 1).samples
    loud = np.flatnonzero(np.abs(heard) > 0.2)
    assert loud[-1] / 16_000 == pytest.approx(1 + flashes.BEEP_SECONDS, abs=0.06)


def spans(pictures: list[float], sounds: list[tuple[float, float]] = ()) -> Spans:  # type: ignore[assignment]
    return Spans(
        pictures=np.array(pictures, float),
        sound_starts=np.array([begin for begin, _ in sounds], float),
        sound_ends=np.array([end for _, end in sounds], float),
    )


FILM = [n / 25 for n in range(50)]
LATER = [at + 100 for at in FILM]
BASE = Fraction(1, 1000)


def test_a_hole_ends_with_what_comes_first() -> None:
    (hole,) = holes_of(spans([*FILM, *LATER], [(0, 2.5), (99, 102)]), BASE)
    assert hole.removed_seconds == Fraction(96500, 1000)
    assert 2.5 < hole.middle_seconds < 99


@pytest.mark.parametrize(
    "found",
    [
        spans([*FILM, *LATER], [(0, 102)]),  # sound goes on: the picture is held
        spans([*FILM, *(at + 8 for at in FILM)]),  # a pause
        spans([30.0 * n for n in range(40)]),  # slides
        spans(FILM),
        spans([]),
        spans([5.0]),
    ],
    ids=["held", "pause", "slides", "film", "nothing", "one"],
)
def test_what_is_no_hole(found: Spans) -> None:
    assert holes_of(found, BASE) == ()


def test_times_of_the_film_are_found_in_the_file_again() -> None:
    holes = [Hole(middle_seconds=Fraction(50), removed_seconds=Fraction(90)),
             Hole(middle_seconds=Fraction(500), removed_seconds=Fraction(700))]  # fmt: skip
    for film_seconds, file_seconds in ((0, 0), (2, 2), (5.5, 95.5), (100, 890)):
        assert in_file(holes, Fraction(film_seconds)) == file_seconds
        assert file_seconds - removed_before(holes, file_seconds) == film_seconds


def test_sound_long_after_the_last_picture_is_cut_off(tmp_path: Path) -> None:
    pictures = flashes.write_pictures(tmp_path / "v.mp4", 50)
    sound = flashes.write_sound(tmp_path / "a.wav", np.zeros(flashes.RATE * 900, np.float32))
    path = tmp_path / "long.mkv"
    barcode.ffmpeg("-i", pictures, "-i", sound, "-c:v", "copy", "-c:a", "libopus", path)
    facts = probe(path)
    assert facts.sound_end_seconds == pytest.approx(2.0, abs=0.05)
    made = prepare(path, tmp_path, facts, threads=2, timeout_seconds=20)
    assert made.has_audio
    assert made.proxy is not None
    assert probe(made.proxy).duration_seconds < 3
    with_sound = made.proxy.stat().st_size
    assert with_sound < 2**20


def test_other_programs_see_the_files_own_times() -> None:
    table = PtsTable.of(range(0, 400, 40), TimeBase(num=1, den=1000), 400)
    hole = Hole(middle_seconds=Fraction(160 + 30_000, 1000), removed_seconds=Fraction(60))
    found = opened([hole], table)
    assert list(found.ticks[:6]) == [0, 40, 80, 120, 60_160, 60_200]
    assert found.end_pts == 60_400
    assert opened([], table) is table
