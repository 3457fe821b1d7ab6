"""Colours: resolved once, and the same in proxy, stills and exports."""

import io
from pathlib import Path

import colours
import numpy as np
import pytest
from PIL import Image
from prepared_source import Source, make

from heaters.errors import MediaError, RuleError
from heaters.media.clip_stills import clip_stills
from heaters.media.colour import Colour, resolved
from heaters.media.cutting import export_clip
from heaters.media.master import Master
from heaters.media.playable import is_playable
from heaters.media.probe import Probe, probe
from heaters.media.profiles import copy_master
from heaters.media.proxy import is_fit_proxy
from heaters.media.samples import SampleTrack
from heaters.media.target import Target
from heaters.media.tonemap import converted

MOST_LEVELS = 4.0


def of(lines: int, **stated: int) -> Colour:
    numbers = {"matrix": 2, "range_": 0, "primaries": 2, "transfer": 2, **stated}
    return resolved(**numbers, lines=lines, is_rgb=False, is_full=False, is_jpeg=False)


def test_what_is_not_stated_is_taken_as_browsers_take_it() -> None:
    assert str(of(480)) == str(of(576)) == str(of(719)) == "smpte170m/tv/bt709/bt709"
    assert str(of(720)) == str(of(1080)) == "bt709/tv/bt709/bt709"
    assert of(720).stated == ()
    assert str(of(480, transfer=16)) == "bt2020nc/tv/bt2020/smpte2084"
    assert str(of(1080, primaries=9)) == str(of(1080, matrix=9)) == "bt2020nc/tv/bt2020/bt709"


def test_what_is_stated_counts() -> None:
    found = of(480, matrix=1, range_=2, primaries=6, transfer=13)
    assert str(found) == "bt709/pc/smpte170m/iec61966-2-1"
    assert found.stated == ("matrix", "range", "primaries", "transfer")
    assert of(1080, matrix=5).matrix == "bt470bg"


def test_rgb_and_jpeg() -> None:
    stated = {"matrix": 2, "range_": 0, "primaries": 2, "transfer": 2, "lines": 1080}
    assert str(resolved(**stated, is_rgb=True, is_full=False, is_jpeg=False)) == "gbr/pc/bt709/bt709"
    assert str(resolved(**stated, is_rgb=False, is_full=True, is_jpeg=True)) == "smpte170m/pc/bt709/bt709"


def test_hdr_and_wide() -> None:
    assert [Colour(transfer=name).is_hdr for name in ("smpte2084", "arib-std-b67", "bt709")] == [True, True, False]
    assert [Colour(primaries=name).is_wide for name in ("bt2020", "smpte432", "smpte170m")] == [True, True, False]
    with pytest.raises(MediaError, match="got 'bt708'"):
        Colour(matrix="bt708")


def shown_of(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), np.float64)


def all_shown(made: Source, folder: Path) -> dict[str, np.ndarray]:
    """The first frame as it is shown by all that is made of a source."""
    with SampleTrack(made.prepared.samples) as track:
        still = track.read(0).jpeg
    master = Master(path=made.path, probe=made.probe, folder=folder, has_audio=False, threads=2)
    (again,) = master.frames([made.pts[0]], made.prepared.time_base, made.pictures[:1])
    out = folder / "clip.mp4"
    export_clip(
        made.path, out, **made.bounds(0, colours.SHOT), time_base=made.prepared.time_base, has_audio=False, threads=2,
        timeout_seconds=60, pictures=made.pictures[: colours.SHOT],
    )  # fmt: skip
    (large,) = clip_stills(out, [0], folder)
    return {
        "proxy": colours.shown(made.prepared.proxy),
        "still": shown_of(still),
        "still of the master": shown_of(again),
        "export": colours.shown(out),
        "still of the export": shown_of(large),
    }


@pytest.mark.parametrize("name", colours.FILMS)
def test_colours_stay_what_they_were(name: str, tmp_path: Path) -> None:
    made = make(colours.FILMS[name](tmp_path), is_legible=False)
    errors = {where: colours.largest_error(one, colours.BARS) for where, one in all_shown(made, tmp_path).items()}
    assert max(errors.values()) <= MOST_LEVELS, errors


@pytest.mark.parametrize("signal", ["pq", "hlg", "wide"])
def test_hdr_and_wide_primaries_are_shown_as_the_scene(signal: str, tmp_path: Path) -> None:
    made = make(colours.hdr(tmp_path / "hdr.mp4", signal), is_legible=False)
    assert (made.probe.colour.is_hdr, made.probe.colour.is_wide) == (signal != "wide", True)
    errors = {where: colours.largest_error(one, colours.SCENE) for where, one in all_shown(made, tmp_path).items()}
    assert max(errors.values()) <= MOST_LEVELS, errors


def test_what_is_made_says_how_it_is_coded(tmp_path: Path) -> None:
    made = make(colours.FILMS["untagged_sd"](tmp_path), is_legible=False)
    stated = ("matrix", "range", "primaries", "transfer")
    assert probe(made.prepared.proxy).colour == Colour(stated=stated)
    out = tmp_path / "clip.mp4"
    export_clip(
        made.path, out, **made.bounds(0, 5), time_base=made.prepared.time_base, has_audio=False, threads=2,
        timeout_seconds=60,
    )  # fmt: skip
    assert probe(out).colour == Colour(stated=stated)


def test_a_film_that_browsers_show_in_other_colours_is_no_proxy_and_not_played(tmp_path: Path) -> None:
    film = colours.hdr(tmp_path / "hdr.mp4", "pq", codec="h264")
    facts = probe(film)
    assert facts.codec == "h264"
    assert not is_fit_proxy(facts)
    made = make(film, is_legible=False)
    assert not is_playable(facts, made.prepared)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_an_export_keeps_hdr_in_ten_bits_or_tone_maps_it(codec: str, tmp_path: Path) -> None:
    made = make(colours.hdr(tmp_path / "hdr.mp4", "hlg"), is_legible=False)

    def exported(target: Target) -> tuple[Probe, str, float]:
        out = tmp_path / "clip.mp4"
        how = export_clip(
            made.path, out, **made.bounds(0, 4), time_base=made.prepared.time_base, has_audio=False, threads=2,
            timeout_seconds=100, pictures=made.pictures[:4], target=target,
        )  # fmt: skip
        return probe(out), how.done, colours.largest_error(colours.shown(out), colours.SCENE)

    facts, done, error = exported(Target(codec=codec, crf=6))
    assert (facts.codec, facts.pixel_format, facts.bit_depth, done) == (codec, "yuv420p10le", 10, "HLG kept")
    assert str(facts.colour) == "bt2020nc/tv/bt2020/arib-std-b67"
    assert error <= 2 * MOST_LEVELS  # a second loss, widened by BT.2020's matrix in dark channels
    facts, done, error = exported(Target(codec=codec, crf=6, hdr="tonemap"))
    assert (facts.codec, facts.pixel_format, done) == (codec, "yuv420p", "tone-mapped from HLG")
    assert str(facts.colour) == "bt709/tv/bt709/bt709"
    assert error <= MOST_LEVELS


@pytest.mark.parametrize(("signal", "codec"), [("pq", "hevc"), ("hlg", "h264")])
def test_hdr_is_copied_and_compared_with_what_was_seen(signal: str, codec: str, tmp_path: Path) -> None:
    made = make(colours.hdr(tmp_path / "hdr.mp4", signal, codec=codec), is_legible=False)
    for start, end, copied in ((0, 15, 15), (5, 18, 8)):
        result = copy_master(
            made.path, tmp_path / "clip.mp4", **made.bounds(start, end), time_base=made.prepared.time_base,
            has_audio=False, threads=2, timeout_seconds=60, pictures=made.pictures[start:end],
        )  # fmt: skip
        assert 0 < result.copied <= copied
        assert (result.rule, result.done) == ("", f"{signal.upper()} kept")
        assert probe(tmp_path / "clip.mp4").colour == made.probe.colour


def test_another_form_is_refused() -> None:
    for wrong in ({"hdr": "clip"}, {"fields": "weave"}):
        with pytest.raises(RuleError, match="HDR is one of keep, tonemap, fields one of keep, deinterlace"):
            Target(**wrong)


@pytest.mark.parametrize("size", ["47:27", "48:27", "iw:ih", ""])
def test_filters_of_any_size(size: str) -> None:
    """The filter of primaries takes even sides alone."""
    chain = converted(Colour(transfer="smpte2084", primaries="bt2020", matrix="bt2020nc"), size, "out_range=pc")
    first, *_, last = chain.split(",scale=")
    assert first.startswith("scale=48:28:" if size[:1] == "4" else "scale=ceil(iw/2)*2:ceil(ih/2)*2:")
    assert last.startswith(size)
