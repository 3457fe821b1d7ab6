"""Test videos whose frame n shows n as a bar code, and the reader that gets n back from a decoded picture.

The picture is a grid of 6 × 4 flat cells. Its corners tell how it is turned or mirrored (white, grey, black, black
clockwise from the top left; no other of the eight orientations looks the same); of the other 20 cells, 14 hold n and
6 a check sum. Flat cells survive x264 at CRF 35 and scaling down to 48×27.
"""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

COLUMNS, ROWS = 6, 4
NUMBER_BITS, CHECK_BITS = 14, 6
WHITE, GREY, BLACK = 235, 128, 16
CORNERS = {(0, 0): WHITE, (0, COLUMNS - 1): GREY, (ROWS - 1, 0): BLACK, (ROWS - 1, COLUMNS - 1): BLACK}
CELLS = [(row, column) for row in range(ROWS) for column in range(COLUMNS) if (row, column) not in CORNERS]
SAMPLE_RATE = 48000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a picture shows: its number, and how it is turned (quarter turns anticlockwise) and mirrored."""

    number: int
    quarter_turns: int
    mirrored: bool


def draw(number: int, width: int, height: int) -> Picture:
    """The picture of frame `number`: uint8 grey [height, width]."""
    assert 0 <= number < 2**NUMBER_BITS
    value = number << CHECK_BITS | _check(number)
    grid = np.full((ROWS, COLUMNS), BLACK, np.uint8)
    for place, cell in enumerate(reversed(CELLS)):
        grid[cell] = WHITE if value >> place & 1 else BLACK
    for cell, grey in CORNERS.items():
        grid[cell] = grey
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    return grid[rows[:, None], columns[None, :]]


def read(picture: Picture) -> Reading:
    """Read a grey or RGB picture ([height, width] or [height, width, 3]) in whatever orientation.

    Raises ValueError where the corners or the check sum say that it is no bar code.
    """
    grey = np.asarray(picture, np.float64)
    grey = grey.mean(axis=2) if grey.ndim == 3 else grey
    for mirrored in (False, True):
        for turns in range(4):
            number = _number(np.rot90(grey[:, ::-1] if mirrored else grey, -turns))
            if number is not None:
                return Reading(number=number, quarter_turns=turns, mirrored=mirrored)
    raise ValueError(f"no bar code in a picture of {grey.shape} with mean {grey.mean():.1f}")


def read_barcode(picture: Picture) -> int:
    """The number of an upright picture."""
    reading = read(picture)
    if reading.quarter_turns or reading.mirrored:
        raise ValueError(f"the picture is not upright: {reading}")
    return reading.number


def write(
    path: Path,
    frames: int = 25,
    *,
    width: int = 96,
    height: int = 64,
    rate: Fraction = Fraction(25),
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: Mapping[str, str] | None = None,
    tone_seconds: float = 0.0,
    tone_codec: str = "aac",
    sample_aspect_ratio: Fraction = Fraction(1),
    container_options: Mapping[str, str] | None = None,
    first_number: int = 0,
) -> Path:
    """Write a bar-coded video: picture i shows `first_number + i` at `pts[i] * time_base` (default: `rate`)."""
    base = time_base or 1 / rate
    times = list(range(frames)) if pts is None else list(pts)
    with av.open(str(path), "w", options=dict(container_options or {})) as container:
        video = container.add_stream(codec, rate=rate, options=dict(options or _FAST.get(codec, {})))
        video.width, video.height, video.pix_fmt = width, height, pix_fmt
        video.time_base = base
        video.codec_context.time_base = base
        video.codec_context.sample_aspect_ratio = sample_aspect_ratio
        audio = None
        if tone_seconds:
            audio = container.add_stream(tone_codec, rate=SAMPLE_RATE)
            audio.layout = "mono"
        for number, time in enumerate(times, first_number):
            frame = av.VideoFrame.from_ndarray(draw(number, width, height), format="gray")
            frame.pts, frame.time_base = time, base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            for block in _tone(tone_seconds):
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))
    return path


def ffmpeg(*arguments: str | Path) -> None:
    """Run the ffmpeg of the product on test files, e.g. to remux them."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y"]
    subprocess.run([*command, *map(str, arguments)], check=True)


def read_video(path: Path) -> tuple[list[int], list[Fraction]]:
    """Decode the first video stream: the number each picture shows, and its time in seconds on the file's own timeline.

    The display matrix is not applied; pictures that are turned read just the same.
    """
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [read(frame.to_ndarray(format="gray")).number for frame in frames], [
            frame.pts * frame.time_base for frame in frames
        ]


_FAST = {
    "libx264": {"preset": "ultrafast", "crf": "20"},
    "libx265": {"preset": "ultrafast", "crf": "20", "x265-params": "log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "20"},
}


def _check(number: int) -> int:
    return (number * 37 + 11) % 61


def _number(grey: NDArray[np.float64]) -> int | None:
    """The number in an upright picture, or None."""
    height, width = grey.shape
    levels = np.empty((ROWS, COLUMNS))
    for row in range(ROWS):
        for column in range(COLUMNS):
            y, x = (2 * row + 1) * height // (2 * ROWS), (2 * column + 1) * width // (2 * COLUMNS)
            levels[row, column] = grey[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].mean()
    if any(abs(levels[cell] - level) > 45 for cell, level in CORNERS.items()):
        return None
    value = 0
    for cell in CELLS:
        value = value << 1 | int(levels[cell] > GREY)
    number, check = value >> CHECK_BITS, value & (2**CHECK_BITS - 1)
    return number if check == _check(number) else None


def rising_tone(start_seconds: float, seconds: float) -> NDArray[np.float32]:
    """The sound of every test video: 300 Hz at 0 s, 200 Hz more each second, so that each moment sounds different."""
    at = start_seconds + np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * (300 * at + 100 * at**2))).astype(np.float32)


def read_sound(path: Path) -> NDArray[np.float32]:
    """The first channel of the first audio stream from the file's 0 s on, silence where it has none."""
    blocks: list[tuple[int, NDArray[np.float32]]] = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE)
        for frame in container.decode(audio=0):
            start = round(frame.pts * frame.time_base * SAMPLE_RATE)
            blocks += [(start, block.to_ndarray()[0]) for block in resampler.resample(frame)]
    sound = np.zeros(max(start + len(block) for start, block in blocks), np.float32)
    for start, block in blocks:
        sound[max(start, 0) : start + len(block)] = block[max(-start, 0) :]
    return sound


def desync_seconds(sound: NDArray[np.float32], start_seconds: float) -> float:
    """How much later `sound` is than the rising tone from `start_seconds` on, found within ±60 ms."""
    margin = round(0.06 * SAMPLE_RATE)
    expected = rising_tone(start_seconds, len(sound) / SAMPLE_RATE)
    middle = sound[margin : len(sound) - margin]
    scores = [float(middle @ expected[margin - lag : margin - lag + len(middle)]) for lag in range(-margin, margin + 1)]
    return (int(np.argmax(scores)) - margin) / SAMPLE_RATE


def _tone(seconds: float) -> list[av.AudioFrame]:
    """The rising tone in blocks of 1024 samples."""
    wave = rising_tone(0, seconds)
    blocks = []
    for start in range(0, len(wave), 1024):
        block = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
        blocks.append(block)
    return blocks
