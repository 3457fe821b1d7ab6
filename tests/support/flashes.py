"""Films that flash and beep at known moments, and how far the two are apart at every flash of a finished file.

Picture n shows n in its lower half as a bar code does; the upper half is white for three frames from each flash on,
else black. A beep of 40 ms begins exactly with each flash. Of a finished file only the corner at the top right is
looked at (a quarter of the height, a fifth of the width). Nothing here knows the product.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import barcode
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

RATE = 48_000
WIDTH, HEIGHT = 96, 128
SHOWN_FRAMES = 3
BEEP_SECONDS = 0.04
FRAMES_PER_SECOND = 25
EVERY_FRAMES = 10  # from one flash to the next
FIRST_FRAME = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """At `seconds` of the file a flash begins; its beep begins `sound_late_seconds` later (None: there is none)."""

    seconds: float
    sound_late_seconds: float | None


def flash_frames(frames: int) -> list[int]:
    """The first frame of each flash."""
    return list(range(FIRST_FRAME, frames - SHOWN_FRAMES, EVERY_FRAMES))


def beeps(seconds: float, at: Sequence[float], *, hertz: float = 1000.0) -> NDArray[np.float32]:
    """Mono sound at RATE with a beep that begins at each of these moments."""
    sound = np.zeros(round(seconds * RATE), np.float32)
    wave = 0.6 * np.sin(2 * np.pi * hertz * np.arange(round(BEEP_SECONDS * RATE)) / RATE)
    for moment in at:
        begin = round(moment * RATE)
        if 0 <= begin < len(sound):
            sound[begin : begin + len(wave)] = wave[: len(sound) - begin]
    return sound


def write_sound(path: Path, sound: NDArray[np.float32], *options: str) -> Path:
    """A file of sound alone, by ffmpeg's own options (or as its name says)."""
    _ffmpeg(["-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "-", *options, str(path)], sound.tobytes())
    return path


def write_pictures(path: Path, frames: int, *options: str) -> Path:
    """A file of pictures alone."""
    flashing = {first + after for first in flash_frames(frames) for after in range(SHOWN_FRAMES)}
    data = bytearray()
    for number in range(frames):
        top = np.full((HEIGHT // 2, WIDTH), 255 if number in flashing else 0, np.uint8)
        data += np.vstack([top, barcode.draw(number, WIDTH, HEIGHT // 2)]).tobytes()
    coded = options or ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p")
    shape = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FRAMES_PER_SECOND)]
    _ffmpeg([*shape, "-i", "-", *coded, str(path)], bytes(data))
    return path


def true_moments(frames: int) -> list[float]:
    """When the flashes begin, by the film's own clock, in seconds."""
    return [first / FRAMES_PER_SECOND for first in flash_frames(frames)]


def film(path: Path, frames: int, *, codec: str = "aac", container: Sequence[str] = ()) -> Path:
    """Pictures and the beeps that belong to them, in one file."""
    pictures = write_pictures(path.with_name(f"{path.stem}_v.mp4"), frames)
    sound = write_sound(path.with_name(f"{path.stem}_a.wav"), beeps(frames / FRAMES_PER_SECOND, true_moments(frames)))
    barcode.ffmpeg("-i", pictures, "-i", sound, "-c:v", "copy", "-c:a", codec, *container, path)
    return path


def two_sounds(folder: Path, name: str, *options: str, frames: int = 75) -> Path:
    """A film of two sounds: the first beeps 0.2 s after the flashes, the second with them."""
    seconds, right = frames / FRAMES_PER_SECOND, true_moments(frames)
    late = write_sound(folder / "late.wav", beeps(seconds, [at + 0.2 for at in right], hertz=400))
    true = write_sound(folder / "true.wav", beeps(seconds, right))
    maps = ("-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:v", "copy", "-c:a", "aac")
    picture, out = write_pictures(folder / "v.mp4", frames), folder / name
    barcode.ffmpeg("-i", picture, "-i", late, "-i", true, *maps, *options, out)
    return out


def offsets(path: Path) -> list[Offset]:
    """How far flash and beep are apart at every flash of a file, by its own time stamps, as a player keeps them.

    Only the sound that a player would take is looked at: the first. Both channels are heard.
    """
    flashes, begins = _flashes(path), _beeps(path)
    reach = min((after - before for before, after in pairwise(flashes)), default=1.0) / 2
    found = []
    for seconds in flashes:
        late = min((at - seconds for at in begins), key=abs, default=np.inf)
        found.append(Offset(seconds=seconds, sound_late_seconds=late if abs(late) < reach else None))
    return found


def largest_offset(path: Path) -> float:
    """The largest distance of a flash from its beep, in seconds; infinite where one is missing."""
    found = [one.sound_late_seconds for one in offsets(path)]
    return max((np.inf if late is None else abs(late) for late in found), default=np.inf)


def _flashes(path: Path) -> list[float]:
    """When the upper half turns white, in seconds."""
    moments, was_white = [], True  # a file that begins within a flash does not show where it began
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            grey = frame.to_ndarray(format="gray")
            height, width = grey.shape
            is_white = bool(grey[: height // 4, width - width // 5 :].mean() > 128)
            if is_white and not was_white:
                moments.append(float(frame.pts * frame.time_base))
            was_white = is_white
    return moments


def _beeps(path: Path) -> list[float]:
    """When the sound rises out of silence, in seconds; each block at its own time stamp."""
    blocks: list[tuple[Fraction, NDArray[np.float32]]] = []
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        for frame in container.decode(audio=0):
            resampler = av.AudioResampler(format="fltp", layout="stereo")
            (block,) = resampler.resample(frame)
            blocks.append((frame.pts * frame.time_base * frame.sample_rate, np.abs(block.to_ndarray()).max(axis=0)))
            rate = frame.sample_rate
    if not blocks:
        return []
    level = np.zeros(max(round(at) + len(block) for at, block in blocks), np.float32)
    for at, block in blocks:
        begin = round(at)
        level[max(begin, 0) : begin + len(block)] = block[max(-begin, 0) :]
    loud = np.flatnonzero(level > level.max() * 0.4)
    if level.max() < 0.01:
        return []
    starts = np.flatnonzero(np.diff(loud, prepend=-rate) > rate * BEEP_SECONDS)
    return [float(loud[one]) / rate for one in starts]


def _ffmpeg(arguments: Sequence[str], data: bytes) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y", *arguments]
    subprocess.run(command, input=data, check=True)
