"""The sample track: frames of a video about every half second as JPEG, for stills, vectors and lists of clips.

It is a ZIP of stored JPEGs named by their frame numbers (`000000012.jpg`), so that one picture is read by one seek and
a still is a copy of bytes: nothing is decoded or encoded a second time. It knows neither store nor stages.
"""

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from heaters.errors import IntegrityError, MediaError, StoreError
from heaters.media.ffmpeg import KEEP_TIMES, REPAIR
from heaters.media.probe import Probe

# Measured on real films, docs/decisions.md "Sample tracks": embedding models see 224 to 384 pixels, posters have 480.
LONG_SIDE = 512
PER_SECOND = 2
# The scale of ffmpeg's JPEG encoder, 2 to 31. At 2 a picture is as near to the source as by Pillow at quality 90, in
# 0.78 to 0.96 of the bytes.
QSCALE = 2
# JPEG's own colours: BT.601 at full range, whatever the source has.
TO_JPEG = "flags=bicubic+accurate_rnd+full_chroma_int:out_color_matrix=bt601:out_range=pc,setsar=1,format=yuvj420p"

# What the track depends on, for its key. Raise the version when a change here makes other bytes or other frames.
SAMPLE_SETTINGS: dict[str, object] = {
    "long_side": LONG_SIDE,
    "per_second": PER_SECOND,
    "qscale": QSCALE,
    "to_jpeg": TO_JPEG,
    "version": 2,
}

START_OF_JPEG = b"\xff\xd8"

Frames = NDArray[np.int64]


def sample_size(width: int, height: int) -> tuple[int, int]:
    """Sides of the samples of a picture shown as `width` × `height`: at most LONG_SIDE, never larger than itself."""
    scale = min(Fraction(1), Fraction(LONG_SIDE, max(width, height)))
    return max(round(width * scale), 1), max(round(height * scale), 1)


def sample_frames(pts: Frames, time_base: Fraction) -> Frames:
    """The frames that a track has: of each half second of the timeline the first one that begins in it.

    `pts` is int64 [frames], rising, in ticks of `time_base` seconds. Whole numbers alone: the same frames everywhere.
    """
    slots = pts * (PER_SECOND * time_base.numerator) // time_base.denominator
    return np.flatnonzero(np.diff(slots, prepend=-1))


def write_samples(out: Path, packet_log: Path, probe: Probe, sized: str = "") -> list[str]:
    """ffmpeg's arguments for one output: the JPEGs of the samples in a row, and a line `pts bytes` for each. `sized`:
    filters in place of those of `to_sample`.
    """
    return [
        *("-map", f"0:{probe.video_stream_index}", *KEEP_TIMES),
        *("-vf", f"{REPAIR},{choose_samples(probe)},{sized or to_sample(probe)}"),
        *write_jpegs(out, packet_log),
    ]


def choose_samples(probe: Probe) -> str:
    """The filter that lets the samples through among the decoded frames.

    The rule is that of `sample_frames`; its quotients of whole numbers are exact in the filter's floating point, too.
    """
    slot = f"pts*{PER_SECOND * probe.time_base.numerator}/{probe.time_base.denominator}"
    return f"select='isnan(prev_selected_pts)+gt(floor({slot}),floor({slot.replace('pts', 'prev_selected_pts')}))'"


def to_sample(probe: Probe) -> str:
    """The filters that make a sample of a decoded frame."""
    width, height = sample_size(probe.width, probe.height)
    return f"scale={width}:{height}:{TO_JPEG}"


def write_jpegs(out: Path, packet_log: Path) -> list[str]:
    """The end of an output of JPEGs. One thread: slices of several would be other bytes."""
    return [
        *("-c:v", "mjpeg", "-q:v", str(QSCALE), "-threads", "1"),
        *("-stats_enc_post:v", str(packet_log), "-stats_enc_post_fmt:v", "{pts} {size}"),
        *("-f", "mjpeg", f"file:{out}"),
    ]


def read_jpegs(out: Path, packet_log: Path) -> Iterator[tuple[int, bytes]]:
    """The time stamp and the bytes of each JPEG that `write_jpegs` wrote. Raises MediaError where the two disagree."""
    with out.open("rb") as pictures, packet_log.open() as lines:
        for line in lines:
            pts, size_bytes = map(int, line.split())
            data = pictures.read(size_bytes)
            if len(data) != size_bytes or not data.startswith(START_OF_JPEG):
                raise MediaError(f"{out.name} holds no JPEG of {size_bytes} bytes at {pts}, as its log says")
            yield pts, data
        if pictures.read(1):
            raise MediaError(f"{out.name} holds more than its log says")


def pack(
    track: Path,
    jpegs: Iterable[tuple[int, bytes]],
    pts: Frames,
    time_base: Fraction,
    finish: Callable[[int, bytes], bytes] | None = None,
) -> int:
    """Write a sample track of (time stamp, JPEG); the same pictures give the same bytes. Returns how many they are.
    `finish` gives the JPEG to write of a frame's number and its JPEG.

    Where the picture's size changes, ffmpeg's filters begin again and may choose one too many, which is left out.
    Raises MediaError unless the frames of `sample_frames` are there.
    """
    expected = sample_frames(pts, time_base)
    count = 0
    with zipfile.ZipFile(track, "w", zipfile.ZIP_STORED) as file:
        for at, data in jpegs:
            if count < len(expected) and at == pts[expected[count]]:
                frame = int(expected[count])
                file.writestr(zipfile.ZipInfo(f"{frame:09d}.jpg"), finish(frame, data) if finish else data)
                count += 1
    if count != len(expected):
        raise MediaError(f"{len(pts)} frames have {len(expected)} samples; {count} came")
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One picture of a track: the frame that it shows, and its JPEG."""

    frame: int
    jpeg: bytes

    def picture(self) -> Image.Image:
        """Decoded, as RGB. Raises IntegrityError for bytes that are no picture."""
        try:
            return Image.open(io.BytesIO(self.jpeg)).convert("RGB")
        except (OSError, SyntaxError) as error:
            raise IntegrityError(f"sample {self.frame} is not a picture: {error}") from error


class SampleTrack:
    """Random access to a track. A context manager. `frames` is int64 [samples], rising."""

    def __init__(self, path: Path) -> None:
        """Raises IntegrityError for a file that is no sample track, StoreError for one that cannot be read."""
        self._name = path.name
        try:
            self._file = zipfile.ZipFile(path)
            self.frames: Frames = np.array([int(name.removesuffix(".jpg")) for name in self._file.namelist()], np.int64)
        except OSError as error:
            raise StoreError(f"{path.name} cannot be read: {error.strerror}") from error
        except (ValueError, zipfile.BadZipFile) as error:
            raise IntegrityError(f"{path.name} is no sample track: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def within(self, start_frame: int, end_frame: int) -> Frames:
        """The sampled frames in `[start_frame, end_frame)`; there may be none."""
        low, high = np.searchsorted(self.frames, [start_frame, end_frame])
        return self.frames[low:high]

    def read(self, frame: int) -> Sample:
        """The sample of a frame. Raises IntegrityError where there is none, or its bytes are not those written."""
        try:
            return Sample(frame=frame, jpeg=self._file.read(f"{frame:09d}.jpg"))
        except OSError as error:
            raise StoreError(f"{self._name} cannot be read: {error.strerror}") from error
        except (KeyError, zipfile.BadZipFile) as error:
            raise IntegrityError(f"frame {frame} of {self._name} cannot be read: {error}") from error
