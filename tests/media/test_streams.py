"""Picture and sound are those that a player takes, and the record says which streams were there, and why."""

from dataclasses import replace
from pathlib import Path

import barcode
import flashes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaters.errors import MediaError
from heaters.media.playable import is_playable
from heaters.media.prepare import prepare
from heaters.media.probe import probe
from heaters.media.proxy import is_fit_proxy
from heaters.media.streams import Stream, mixed, pictures, sound_phrase, sounds, told

PICTURE = Stream(index=0, kind="video", codec="h264", width=1920, height=1080)


def sound(index: int, *marks: str, codec: str = "aac", channels: int = 2, **facts: object) -> Stream:
    return Stream(
        index=index, kind="audio", codec=codec, channels=channels, sample_rate=48000, dispositions=marks,
        **{"decodes": True, **facts},
    )  # type: ignore[arg-type]  # fmt: skip


MONO = {"codec": "pcm_s24le", "channels": 1}

# What a file holds besides a picture of programme 1 → the streams that are its sound.
CHOICES = {
    "nothing": ([], ()),
    "one": ([sound(1)], (1,)),
    "first of equals": ([sound(1), sound(2)], (1,)),
    "default before the first": ([sound(1), sound(2, "default")], (2,)),
    "a commentary comes last": ([sound(1, "comment"), sound(2)], (2,)),
    "also where it is marked default": ([sound(1, "comment", "default"), sound(2)], (2,)),
    "sound for the blind": ([sound(1, "visual_impaired"), sound(2)], (2,)),
    "sound for the deaf": ([sound(1, "hearing_impaired"), sound(2)], (2,)),
    "a commentary is better than none": ([sound(1, "comment")], (1,)),
    "more channels than anybody can name": ([sound(1), sound(2, channels=11)], (1,)),
    "more channels": ([sound(1), sound(2, channels=6)], (2,)),
    "default before channels": ([sound(1, "default"), sound(2, channels=6)], (1,)),
    "a clearly higher rate": ([sound(1, bit_rate=64_000), sound(2, bit_rate=192_000)], (2,)),
    "rates that hardly differ": ([sound(1, bit_rate=127_000), sound(2, bit_rate=129_000)], (1,)),
    "what does not decode comes last": ([sound(1, "default", decodes=False), sound(2)], (2,)),
    "what is not there so early": ([sound(1, decodes=None), sound(2)], (2,)),
    "sound that begins late": ([sound(1, decodes=None)], (1,)),
    "no decoder": ([sound(1, codec=""), sound(2)], (2,)),
    "another programme": ([sound(1, programmes=(2,)), sound(2, programmes=(1,))], (2,)),
    "sound of another film is none": ([sound(1, programmes=(2,))], ()),
    "of two programmes": ([sound(1, programmes=(2, 1))], (1,)),
    "tracks of a recorder": ([sound(n, **MONO) for n in (1, 2, 3, 4)], (1, 2, 3, 4)),
    "all of them marked": ([sound(n, "default", **MONO) for n in (1, 2)], (1, 2)),
    "the first marked by a muxer": ([sound(1, "default", **MONO), sound(2, **MONO)], (1, 2)),
    "another one marked by somebody": ([sound(1, **MONO), sound(2, "default", **MONO)], (2,)),
    "a recorder's mix before its tracks": ([sound(1, **MONO), sound(2, **MONO), sound(3, codec="pcm_s24le")], (3,)),
    "two languages": ([sound(1, language="eng", **MONO), sound(2, language="fra", **MONO)], (1,)),
    "mono films with a second sound": ([sound(1, channels=1), sound(2, channels=1)], (1,)),
    "a mono commentary": ([sound(1, **MONO), sound(2, "comment", **MONO)], (1,)),
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_sound_that_is_taken(name: str) -> None:
    found, expected = CHOICES[name]
    picture = replace(PICTURE, programmes=(1,))
    assert tuple(s.index for s in mixed(sounds([picture, *found], picture))) == expected


PICTURES = {
    "larger": ([PICTURE, replace(PICTURE, index=1, width=3840)], 1),
    "first of equals": ([PICTURE, replace(PICTURE, index=1)], 0),
    "default before larger": ([replace(PICTURE, dispositions=("default",)), replace(PICTURE, index=1, width=3840)], 0),
    "never a cover": ([replace(PICTURE, dispositions=("attached_pic", "default")), replace(PICTURE, index=1)], 1),
    "never a seek bar": ([replace(PICTURE, dispositions=("timed_thumbnails",)), replace(PICTURE, index=1)], 1),
    "no signer in a corner": ([replace(PICTURE, dispositions=("hearing_impaired",)), replace(PICTURE, index=1)], 1),
    "a decoder": ([replace(PICTURE, codec=""), replace(PICTURE, index=1)], 1),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_that_is_taken(name: str) -> None:
    found, expected = PICTURES[name]
    assert pictures(found)[0].index == expected


def test_every_stream_says_why() -> None:
    picture = replace(PICTURE, programmes=(1,))
    cover = replace(PICTURE, index=1, dispositions=("attached_pic",))
    other = sound(4, programmes=(2,))
    streams = [picture, cover, sound(2, "comment"), sound(3), other, sound(5, codec="")]
    found = told(streams, picture, mixed(sounds(streams, picture)))
    assert [s.taken for s in found] == [True, False, False, True, False, False]
    assert [s.why for s in found] == [
        "the only video to choose", "is a cover picture", "is a commentary, or for those who ask for it",
        "the next one is a commentary, or for those who ask for it", "is of another programme", "cannot be decoded",
    ]  # fmt: skip
    assert sound_phrase(found, has_audio=True).startswith("sound: aac, stream 3 of 4 sound streams (the next one")
    assert sound_phrase(found, has_audio=False) == "no sound was decoded of 4 sound streams"


@given(st.permutations([sound(1), sound(2, "default"), sound(3, channels=6), sound(4, "comment", "default")]))
def test_the_choice_does_not_depend_on_the_order_of_listing(streams: list[Stream]) -> None:
    assert mixed(sounds(streams, PICTURE))[0].index == 2


def test_a_stream_is_of_a_known_kind() -> None:
    with pytest.raises(MediaError, match="video or audio; got 'subtitle'"):
        Stream(index=0, kind="subtitle", codec="")


FRAMES = 75


def two_programmes(folder: Path) -> Path:
    """A transport stream of two programmes: the sound of the second comes first in the file."""
    out = folder / "two.ts"
    small = flashes.film(folder / "small.mp4", FRAMES)
    right = flashes.true_moments(FRAMES)
    wrong = flashes.write_sound(folder / "w.wav", flashes.beeps(3, [t + 0.2 for t in right], hertz=400))
    barcode.ffmpeg(
        "-i", small, "-i", wrong, "-map", "1:a", "-map", "0:v", "-map", "0:v", "-map", "0:a",
        "-c:v:0", "libx264", "-s:v:0", "48x64", "-preset:v:0", "ultrafast", "-c:v:1", "copy", "-c:a:0", "aac",
        "-c:a:1", "copy", "-program", "title=one:st=0:st=1", "-program", "title=two:st=2:st=3", out,
    )  # fmt: skip
    return out


def mono_tracks(folder: Path) -> Path:
    """Four mono tracks as broadcast writes them, the first and the third silent."""
    picture, out = flashes.write_pictures(folder / "v.mp4", FRAMES), folder / "four.mxf"
    silent = flashes.write_sound(folder / "s.wav", flashes.beeps(3, []))
    speech = flashes.write_sound(folder / "r.wav", flashes.beeps(3, flashes.true_moments(FRAMES)))
    maps = ("-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "1:a", "-map", "2:a")
    barcode.ffmpeg(
        "-i", picture, "-i", silent, "-i", speech, *maps, "-c:v", "mpeg2video", "-q:v", "2", "-c:a", "pcm_s16le", out
    )
    return out


def empty_track(folder: Path) -> Path:
    """A sound track in the header, first and default, of which not one packet follows."""
    film, out = flashes.film(folder / "film.mp4", FRAMES), folder / "empty.mkv"
    maps = ("-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy", "-bsf:a:0", "noise=drop=1")
    barcode.ffmpeg("-i", film, *maps, "-disposition:a:0", "default", "-disposition:a:1", "0", out)
    return out


FILES = {
    "a default track": (
        lambda folder: flashes.two_sounds(folder, "d.mkv", "-disposition:a:0", "0", "-disposition:a:1", "default"),
        (2,),
    ),
    "a commentary": (lambda folder: flashes.two_sounds(folder, "c.mkv", "-disposition:a:0", "comment"), (2,)),
    "two programmes": (two_programmes, (3,)),
    "mono tracks": (mono_tracks, (1, 2, 3, 4)),
    "an empty track": (empty_track, (2,)),
}


@pytest.mark.parametrize("name", FILES)
def test_the_proxy_has_the_sound_that_players_take(name: str, tmp_path: Path) -> None:
    make, expected = FILES[name]
    path = make(tmp_path)
    facts = probe(path)
    assert facts.sound_indices == expected
    assert {s.index for s in facts.streams if s.taken} == {facts.video_stream_index, *expected}
    made = prepare(path, tmp_path, facts, threads=2, timeout_seconds=60)
    assert made.has_audio
    assert flashes.largest_offset(made.proxy) < 0.02


def test_a_track_without_packets_is_no_sound(tmp_path: Path) -> None:
    film, path = flashes.film(tmp_path / "film.mp4", FRAMES), tmp_path / "silent.mkv"
    barcode.ffmpeg("-i", film, "-map", "0", "-c", "copy", "-bsf:a", "noise=drop=1", path)
    facts = probe(path)
    assert [s.decodes for s in facts.streams if s.kind == "audio"] == [None]
    for with_proxy in (True, False):
        made = prepare(path, tmp_path, facts, threads=1, timeout_seconds=60, with_proxy=with_proxy)
        assert not made.has_audio


def test_a_file_whose_sound_has_holes_is_neither_its_own_proxy_nor_played_as_it_is(tmp_path: Path) -> None:
    """A browser would close them."""
    film = flashes.write_pictures(tmp_path / "v.mp4", FRAMES, "-g", "1", "-bf", "0", "-pix_fmt", "yuv420p")
    whole, path = tmp_path / "whole.mp4", tmp_path / "holes.mp4"
    even = flashes.write_sound(tmp_path / "a.wav", flashes.beeps(3, flashes.true_moments(FRAMES)))
    fast = ("-c:a", "aac", "-movflags", "faststart")
    barcode.ffmpeg("-i", film, "-i", even, "-c:v", "copy", *fast, whole)
    hole = ("-bsf:a", "noise=drop='between(pts*tb,0.41,0.44)'")
    barcode.ffmpeg("-i", whole, "-c", "copy", *hole, "-movflags", "faststart", path)
    assert is_fit_proxy(probe(whole))
    facts = probe(path)
    made = prepare(path, tmp_path, facts, threads=1, timeout_seconds=60)
    assert not made.reused
    assert not is_playable(facts, made)
    assert flashes.largest_offset(made.proxy) < 0.04


def test_a_file_of_two_sounds_is_neither_its_own_proxy_nor_played_as_it_is(tmp_path: Path) -> None:
    """A browser would choose by itself."""
    film = flashes.write_pictures(tmp_path / "v.mp4", FRAMES, "-g", "1", "-bf", "0", "-pix_fmt", "yuv420p")
    sounds_of = flashes.write_sound(tmp_path / "a.wav", flashes.beeps(3, flashes.true_moments(FRAMES)))
    for count in (1, 2):
        path = tmp_path / f"{count}.mp4"
        maps = ("-map", "0:v", *("-map", "1:a") * count, "-c:v", "copy", "-c:a", "aac", "-movflags", "faststart")
        barcode.ffmpeg("-i", film, "-i", sounds_of, *maps, path)
        facts = probe(path)
        made = prepare(path, tmp_path, facts, threads=1, timeout_seconds=60)
        assert is_fit_proxy(facts) == made.reused == is_playable(facts, made) == (count == 1)
        assert made.has_audio
