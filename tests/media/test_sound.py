"""Flash and beep stay together within a frame, at any place of the film, in the proxy and in clips of every profile."""

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import barcode
import flashes
import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from heaters.media.master import Master
from heaters.media.prepare import Prepared, prepare
from heaters.media.probe import probe
from heaters.media.profiles import profile as profile_of
from heaters.media.sound import take
from heaters.settings import EXPORT_PROFILES

FRAMES = 250
SECONDS = FRAMES / flashes.FRAMES_PER_SECOND
FRAME_SECONDS = 1 / flashes.FRAMES_PER_SECOND
PROFILES = [name for name in EXPORT_PROFILES if name != "none"]
# Beginning, middle and end; clips begin within groups of pictures and between packets of sound.
CLIPS = [(0, 73), (101, 187), (163, 250)]


def _remuxed(name: str, *options: str, codec: str = "aac") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        out = folder / name
        barcode.ffmpeg("-i", flashes.film(folder / "film.mkv", FRAMES, codec=codec), "-c", "copy", *options, out)
        return out

    return make


def lost_packets(name: str) -> Callable[[Path], Path]:
    """Up to four packets of 21 ms are missing at a time, 13 in all, none of a beep. (A transport stream of several
    packets to a time stamp would be off itself.)
    """
    gaps = "+".join(f"between(pts*tb,{at},{at + 0.0213 * (count - 0.5)})" for at, count in LOST)
    return _remuxed(name, "-bsf:a", f"noise=drop='{gaps}'", "-pes_payload_size", "0")


# Seconds, between beeps; packets.
LOST = ((0.41, 1), (0.81, 2), (1.61, 3), (2.81, 4), (4.41, 1), (6.01, 1), (7.61, 1))


def other_clock(speed: float) -> Callable[[Path], Path]:
    """A recorder whose sound clock runs slower: the packets' times say so, the samples alone do not."""

    def make(folder: Path) -> Path:
        moments = [at * speed for at in flashes.true_moments(FRAMES)]
        coded = ("-c:a", "libopus", "-frame_duration", "20")
        sound = flashes.write_sound(folder / "a.mkv", flashes.beeps(SECONDS * speed, moments), *coded)
        picture, out = flashes.write_pictures(folder / "v.mp4", FRAMES), folder / "clock.mkv"
        stretch = ("-bsf:a", f"setts=ts='round(TS/{speed})'")
        barcode.ffmpeg("-i", picture, "-i", sound, "-map", "0:v", "-map", "1:a", "-c", "copy", *stretch, out)
        return out

    return make


def late_sound(seconds: float, name: str) -> Callable[[Path], Path]:
    """The sound begins (or the picture does) this much later; both keep their own times."""

    def make(folder: Path) -> Path:
        film, out = flashes.film(folder / "film.mkv", FRAMES), folder / name
        cut = seconds if seconds > 0 else 0
        sound = folder / "rest.mka"
        moments = [at - cut for at in flashes.true_moments(FRAMES)]
        flashes.write_sound(folder / "rest.wav", flashes.beeps(SECONDS - cut, moments))
        barcode.ffmpeg("-i", folder / "rest.wav", "-c:a", "aac", sound)
        maps = ("-map", "0:v", "-map", "1:a", "-c", "copy")
        barcode.ffmpeg("-i", film, "-itsoffset", str(cut), "-i", sound, *maps, out)
        return out

    return make


FILMS: dict[str, Callable[[Path], Path]] = {
    "plain": _remuxed("plain.mp4"),
    "lost packets, MP4": lost_packets("lost.mp4"),
    "lost packets, Matroska": lost_packets("lost.mkv"),
    "lost packets, transport stream": lost_packets("lost.ts"),
    "a clock 0.5 % slow": other_clock(0.995),
    "a clock 0.5 % fast": other_clock(1.005),
    "fragments": _remuxed("fragments.mp4", "-movflags", "frag_keyframe+empty_moov"),
    "fragments with B-frames delayed": _remuxed("delayed.mp4", "-movflags", "frag_keyframe+empty_moov+delay_moov"),
    "sound 59 ms late": late_sound(0.059, "late.mp4"),
    "sound 59 ms late, Matroska": late_sound(0.059, "late.mkv"),
    "sound 0.7 s late": late_sound(0.7, "late.ts"),
    "speech codec": _remuxed("speech.mkv", codec="libopus"),
    "flash": _remuxed("film.flv"),
}


def recorder(folder: Path) -> Path:
    """Two mono tracks of PCM, the first silent, as cameras write them."""
    picture, out = flashes.write_pictures(folder / "v.mp4", FRAMES), folder / "recorder.mov"
    silent = flashes.write_sound(folder / "s.wav", flashes.beeps(SECONDS, []))
    speech = flashes.write_sound(folder / "r.wav", flashes.beeps(SECONDS, flashes.true_moments(FRAMES)))
    maps = ("-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:v", "copy", "-c:a", "pcm_s16le")
    barcode.ffmpeg("-i", picture, "-i", silent, "-i", speech, *maps, out)
    return out


def second_sound(folder: Path) -> Path:
    marks = ("-disposition:a:0", "comment", "-disposition:a:1", "default")
    return flashes.two_sounds(folder, "second.mp4", *marks, frames=FRAMES)


# Films whose first sound is not the one to take.
CHOSEN: dict[str, Callable[[Path], Path]] = {
    "tracks of a recorder": recorder,
    "tracks of a recorder, no index": lambda folder: _without_index(recorder(folder)),
    "the second sound": second_sound,
}


def _without_index(path: Path) -> Path:
    """The same tracks as a format that is read from its start: times count from the streams in use."""
    out = path.with_suffix(".nut")
    barcode.ffmpeg("-i", path, "-map", "0", "-c", "copy", "-output_ts_offset", "5", out)
    return out


@pytest.fixture(scope="module", params=FILMS | CHOSEN)
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Prepared]:
    """A film, prepared."""
    folder = tmp_path_factory.mktemp("film")
    path = (FILMS | CHOSEN)[request.param](folder)
    made = folder / "made"
    made.mkdir()
    return path, prepare(path, made, probe(path), threads=2, timeout_seconds=60)


def lateness(path: Path, first_seconds: float = 0.0, last_seconds: float = SECONDS) -> list[float]:
    """How much later each beep is than its flash, of the flashes between these times of the file. None is missing."""
    found = [one for one in flashes.offsets(path) if first_seconds <= one.seconds <= last_seconds]
    late = [one.sound_late_seconds for one in found if one.sound_late_seconds is not None]
    assert len(late) == len(found), found
    return late


@pytest.mark.parametrize("name", FILMS)
def test_the_film_itself_is_together(name: str, tmp_path: Path) -> None:
    late = lateness(FILMS[name](tmp_path), first_seconds=2.5, last_seconds=12)
    assert len(late) > 15
    assert max(map(abs, late)) < 0.001


def test_the_proxy_is_together(film: tuple[Path, Prepared]) -> None:
    _, made = film
    assert len(flashes.offsets(made.proxy)) == len(flashes.flash_frames(FRAMES))
    late = lateness(made.proxy, first_seconds=1)
    assert len(late) > 20
    assert max(map(abs, late)) < FRAME_SECONDS


@pytest.mark.parametrize("profile", PROFILES)
def test_clips_are_together(film: tuple[Path, Prepared], profile: str, tmp_path: Path) -> None:
    path, made = film
    pts = [*np.load(made.pts).tolist(), made.end_pts]
    looks = np.fromfile(made.analysis, np.uint8).reshape(-1, 27, 48, 3)
    for start, end in CLIPS:
        out = tmp_path / f"{start}.mp4"
        profile_of(profile).export(
            made.proxy if profile == "proxy" else path, out, start_pts=pts[start], end_pts=pts[end],
            time_base=made.time_base, frame_count=end - start, has_audio=made.has_audio, threads=1, timeout_seconds=60,
            pictures=looks[start:end],
        )  # fmt: skip
        whole = [at for at in flashes.flash_frames(FRAMES) if start < at and at + flashes.SHOWN_FRAMES < end]
        # The film may begin without sound; the beep of a flash in the very last frames may lie behind the end.
        late = lateness(out, 0 if start else 0.9, (end - start) / flashes.FRAMES_PER_SECOND - 0.05)
        assert len(late) >= len(whole) - 3
        assert max(map(abs, late)) < FRAME_SECONDS, flashes.offsets(out)


def test_what_is_measured_of_the_sound_is_heard_at_its_time(film: tuple[Path, Prepared], tmp_path: Path) -> None:
    path, made = film
    master = Master(path=path, probe=probe(path), folder=tmp_path, has_audio=made.has_audio)
    start = Fraction(4)
    heard = master.sound(start, start + 2)
    loud = np.flatnonzero(np.abs(heard.samples) > 0.15)
    begins = loud[np.diff(loud, prepend=-10_000) > 1000] / 16_000 + float(start)
    expected = [one.seconds for one in flashes.offsets(made.proxy) if 4 <= one.seconds < 6]
    assert begins == pytest.approx(expected, abs=FRAME_SECONDS)


def heard_through(path: Path, *filters: str) -> NDArray[np.float32]:
    """The samples of a file's sound, as they come out of ffmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), *filters, "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout, np.float32)


def tone(folder: Path, times: str) -> Path:
    """Four seconds of 441 Hz in Matroska, its packets of 20 ms moved by the expression."""
    wave = np.sin(2 * np.pi * 441 * np.arange(4 * flashes.RATE) / flashes.RATE).astype(np.float32) * 0.5
    steady = flashes.write_sound(folder / "steady.mka", wave, "-c:a", "libopus", "-frame_duration", "20")
    picture, path = flashes.write_pictures(folder / "v.mp4", 100), folder / "film.mkv"
    moved = ("-map", "0:v", "-map", "1:a", "-c", "copy", "-bsf:a", f"setts=ts='{times}'")
    barcode.ffmpeg("-i", picture, "-i", steady, *moved, path)
    return path


def test_rounded_time_stamps_do_not_touch_the_sound(tmp_path: Path) -> None:
    path = tone(tmp_path, "round(TS/4)*4")
    assert np.array_equal(heard_through(path, *take(probe(path))), heard_through(path))


def test_time_stamps_that_waver_do_not_click(tmp_path: Path) -> None:
    """As browsers record: each packet up to 12 ms before or after its time."""
    path = tone(tmp_path, "TS+mod(N*7919,25)-12")
    windows = heard_through(path, *take(probe(path)))[9600 : 9600 + 170 * 960].reshape(-1, 960).astype(float)
    power = np.abs(np.fft.rfft(windows * np.hanning(960), axis=1)) ** 2
    assert (power[:, 4:15].sum(axis=1) / power.sum(axis=1)).min() > 0.999  # what is not within 200 to 750 Hz
