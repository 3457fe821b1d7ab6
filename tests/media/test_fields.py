"""Interlaced and telecined films: whole pictures for people and machines, frame for frame; exports may keep fields."""

import io
from fractions import Fraction
from pathlib import Path

import av
import colours
import combed
import numpy as np
import pytest
from combed import combing
from PIL import Image
from prepared_source import Source, make

from heaters.media.cutting import export_clip
from heaters.media.fields import Fields, judged, whole_pictures
from heaters.media.interlace import fields_of
from heaters.media.master import Master
from heaters.media.playable import is_playable
from heaters.media.prepare import prepare
from heaters.media.probe import probe
from heaters.media.profiles import copy_master
from heaters.media.samples import SampleTrack
from heaters.media.splice.rules import Rule
from heaters.media.target import USUAL, Target

NTSC = "30000/1001"
WHOLE = 2.0  # levels of combing; combs have 30 and more
# Name → (maker, what is found, what is done).
FILMS = {
    "tff.ts": (lambda p: combed.film(p, combed.fields(60), *combed.MPEG2), Fields.TOP_FIRST, "deinterlaced"),
    "bff.mpg": (
        lambda p: combed.film(p, combed.fields(60, is_top_first=False), *combed.MPEG2, order="bff"),
        Fields.BOTTOM_FIRST,
        "deinterlaced",
    ),
    "tff.mp4": (lambda p: combed.film(p, combed.fields(60), *combed.H264), Fields.TOP_FIRST, "deinterlaced"),
    "film.ts": (
        lambda p: combed.film(p, combed.pulldown(60), *combed.MPEG2, rate=NTSC),
        Fields.TELECINE,
        "fields matched",
    ),
    "whole.mp4": (lambda p: combed.film(p, combed.whole(60), *combed.H264), Fields.PROGRESSIVE, ""),
}
CHANGED = [name for name, (_, fields, _) in FILMS.items() if fields != Fields.PROGRESSIVE]
SEEN = (3, 7, 12, 13, 31)  # frames


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    made: dict[str, Source] = {}

    def get(name: str) -> Source:
        if name not in made:
            made[name] = make(FILMS[name][0](tmp_path_factory.mktemp("film") / name), is_legible=False)
        return made[name]

    return get


def times_of(path: Path) -> list[int]:
    """The decoded frames' own times, from the start of the file."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        start = round(Fraction(container.start_time or 0, av.time_base) / stream.time_base)
        return [frame.pts - start for frame in container.decode(stream)]


@pytest.mark.parametrize("name", FILMS)
def test_pictures_are_whole_and_frames_stay_where_they_were(film, name: str) -> None:
    made = film(name)
    _, fields, done = FILMS[name]
    assert (made.probe.fields, made.probe.treatment) == (fields, done)
    assert made.prepared.frame_count == 60
    assert made.pts == times_of(made.path)
    combs = [combing(colours.shown(made.path, n)) for n in SEEN]
    assert (max(combs) > 30) == (name in CHANGED)
    assert max(combing(colours.shown(made.prepared.proxy, n)) for n in SEEN) < WHOLE


@pytest.mark.parametrize("name", CHANGED)
def test_stills_are_whole_and_the_same_by_a_seek(film, name: str, tmp_path: Path) -> None:
    made = film(name)
    with SampleTrack(made.prepared.samples) as track:
        frames = track.frames.tolist()
        sampled = [track.read(frame).jpeg for frame in frames]
    for jpeg in sampled:
        assert combing(np.asarray(Image.open(io.BytesIO(jpeg)).convert("L").convert("RGB"), np.float64)) < WHOLE
    late = frames[-1]
    master = Master(path=made.path, probe=made.probe, folder=tmp_path, has_audio=False, threads=2)
    assert master.frames([made.pts[late]], made.prepared.time_base, made.pictures[[late]]) == sampled[-1:]


def exported(made: Source, out: Path, target: Target, *, copy: bool = False) -> tuple[str, str]:
    """Write frames [35, 50); what was done, and the rule against copying."""
    how = copy_master if copy else export_clip
    result = how(
        made.path, out, **made.bounds(35, 50), time_base=made.prepared.time_base, has_audio=False, threads=2,
        timeout_seconds=60, pictures=made.pictures[35:50], target=target,
    )  # fmt: skip
    assert result.frames == 15
    return result.done, result.rule


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("copy", [True, False])
def test_an_export_keeps_fields_or_makes_whole_pictures(film, name: str, copy: bool, tmp_path: Path) -> None:
    made, out = film(name), tmp_path / "clip.mp4"
    done, rule = exported(made, out, USUAL, copy=copy)
    assert done == "fields kept"
    assert rule == (f"{Rule.INTERLACED.value}: {made.probe.fields}" if copy else "")
    assert max(combing(colours.shown(out, n)) for n in range(15)) > 30
    assert probe(out).fields == made.probe.fields
    done, _ = exported(made, out, Target(fields="deinterlace"), copy=copy)
    assert done == FILMS[name][2]
    assert max(combing(colours.shown(out, n)) for n in range(15)) < WHOLE
    assert probe(out).fields == Fields.PROGRESSIVE


def test_fields_are_not_kept_in_another_size_codec_or_rate(film, tmp_path: Path) -> None:
    made, out = film("tff.ts"), tmp_path / "clip.mp4"
    for target in (Target(width=360, height=288), Target(codec="hevc")):
        done, _ = exported(made, out, target)
        assert done == "deinterlaced"
        assert max(combing(colours.shown(out, n)) for n in range(15)) < WHOLE


def test_a_film_that_was_prepared_with_its_combs_is_exported_by_them(film, tmp_path: Path) -> None:
    """A library from before has analysis frames of the fields as they are coded."""
    made = film("tff.ts")
    before = made.probe.prepared_as("")
    assert (before.treatment, before.fields) == ("", Fields.PROGRESSIVE)
    folder = tmp_path / "before"
    folder.mkdir()
    old = prepare(made.path, folder, before, threads=2, timeout_seconds=60, with_proxy=False)
    pictures = np.fromfile(old.analysis, np.uint8).reshape(-1, 27, 48, 3)
    assert not np.array_equal(pictures, made.pictures)
    result = export_clip(
        made.path, tmp_path / "clip.mp4", **made.bounds(35, 50), time_base=made.prepared.time_base, has_audio=False,
        threads=2, timeout_seconds=60, pictures=pictures[35:50], treatment="",
    )  # fmt: skip
    assert (result.frames, result.seek) == (15, "indexed")
    master = Master(
        path=made.path, probe=made.probe, folder=tmp_path, has_audio=False, threads=2, treatment=""
    )  # fmt: skip
    assert len(master.frames([made.pts[40]], made.prepared.time_base, pictures[[40]])) == 1


@pytest.mark.parametrize("name", CHANGED)
def test_browsers_do_not_get_fields(film, name: str) -> None:
    made = film(name)
    assert not is_playable(made.probe, made.prepared)
    assert not made.prepared.reused


COUNTS = {"top": 0.0, "bottom": 0.0, "progressive": 0.0, "repeated": 0.0, "frames": 100.0}


@pytest.mark.parametrize(
    ("counts", "rate", "expected"),
    [
        ({"top": 90, "progressive": 10}, 25, Fields.TOP_FIRST),
        ({"bottom": 90, "progressive": 10}, 25, Fields.BOTTOM_FIRST),
        ({"top": 17, "progressive": 83}, 25, Fields.PROGRESSIVE),
        ({}, 25, Fields.BOTTOM_FIRST),  # nothing moves: as flagged
        ({"top": 80, "progressive": 20, "repeated": 20}, Fraction(30000, 1001), Fields.TELECINE),
        ({"top": 80, "progressive": 20, "repeated": 20}, 25, Fields.TOP_FIRST),  # no rate of film in pulldown
        ({"top": 95, "progressive": 5, "repeated": 2}, Fraction(30000, 1001), Fields.TOP_FIRST),
    ],
)
def test_judged(counts: dict[str, float], rate: Fraction, expected: Fields) -> None:
    assert judged(**{**COUNTS, **counts}, rate=Fraction(rate), flagged=Fields.BOTTOM_FIRST) == expected


def test_whole_pictures_keep_the_time_base() -> None:
    assert whole_pictures(Fields.PROGRESSIVE, Fraction(1, 25)) == ""
    assert whole_pictures(Fields.TOP_FIRST, Fraction(1, 90000)).endswith("settb=1/90000")
    assert "fieldmatch" in whole_pictures(Fields.TELECINE, Fraction(1, 90000))


def test_a_progressive_film_is_not_decoded_for_its_fields(tmp_path: Path) -> None:
    path = colours.FILMS["untagged_sd"](tmp_path)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        nowhere = tmp_path / "nowhere.mp4"
        found = fields_of(nowhere, container.streams.video[0], frame, Fraction(25))
    assert found == Fields.PROGRESSIVE
