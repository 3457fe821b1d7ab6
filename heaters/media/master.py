"""What is read from a master at places: single frames as samples, and a stretch of its sound. By ffmpeg, in a child.

A frame is found by its exact time stamp, and is that frame only where its 48×27 picture is the one that `prepare` saw.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heaters.core.shapes import Shapes, Size
from heaters.errors import MediaError, RuleError
from heaters.media import ffmpeg, sound
from heaters.media.cutting import MEMORY_BYTES, SAME_PICTURE_LEVELS
from heaters.media.ffmpeg import (
    INDEXED_CONTAINERS,
    KEEP_TIMES,
    REPAIR,
    SEEK_MARGIN_SECONDS,
    TO_ANALYSIS,
)
from heaters.media.likeness import levels_off
from heaters.media.listen import RATE, Sound
from heaters.media.probe import Probe
from heaters.media.samples import read_jpegs, to_sample, write_jpegs
from heaters.media.shaped_samples import cut_out, to_square


@dataclass(frozen=True, slots=True, kw_only=True)
class Master:
    """A master on this machine, a folder for files in between, and how much of the machine a call may take.

    `has_audio`: whether `prepare` found sound. ffmpeg counts from the first time stamp of the streams that are in use,
    so they have to be the same here.
    """

    path: Path
    probe: Probe
    folder: Path
    has_audio: bool
    threads: int = 1
    timeout_seconds: float = 3600.0
    memory_bytes: int = MEMORY_BYTES

    def frames(
        self,
        pts: Sequence[int],
        time_base: Fraction,
        looks: NDArray[np.uint8],
        sizes: Sequence[Size] | None = None,
    ) -> list[bytes]:
        """The frames at these time stamps, rising, in ticks of `time_base`, as JPEGs like those of a sample track.

        `looks` are their analysis frames, uint8 [n, 27, 48, 3], `sizes` their own sides as displayed; None where these
        are the probe's. Decoding starts at the index; where that leads to other frames, at the start of the file.
        Raises MediaError where neither reaches them, StageTimeout, WorkerLost.
        """
        if not len(pts) or len(pts) != len(looks) or list(pts) != sorted(set(pts)):
            raise RuleError(f"frames are asked for by rising times, each with its look; got {list(pts)}, {len(looks)}")
        deadline = time.monotonic() + self.timeout_seconds
        is_usual = sizes is None or set(sizes) == {(self.probe.width, self.probe.height)}
        usual = to_sample(self.probe)
        sized = usual if is_usual or sizes is None else to_square(self.probe, Shapes.of_frames(sizes))
        for is_indexed in (True, False):
            try:
                jpegs, seen = self._frames(pts, time_base, deadline, sized, is_indexed=is_indexed)
            except MediaError:
                if not is_indexed:
                    raise
                continue  # an index that leads nowhere
            if len(jpegs) == len(pts) and _is_same(seen, looks, exactly=is_indexed):
                return jpegs if sizes is None or is_usual else [*map(cut_out, jpegs, sizes)]
        raise MediaError(f"the frames at {list(pts)} × {time_base} s cannot be reached in {self.path.name}")

    def _frames(
        self, pts: Sequence[int], time_base: Fraction, deadline: float, sized: str, *, is_indexed: bool
    ) -> tuple[list[bytes], NDArray[np.uint8]]:
        jpegs, log, seen = (self.folder / name for name in ("frames.mjpeg", "frames.txt", "frames.rgb"))
        chosen = f"{REPAIR},select='{'+'.join(f'eq(pts,{at})' for at in pts)}'"
        count = ("-frames:v", str(len(pts)))
        video = ("-map", f"0:{self.probe.video_stream_index}", *KEEP_TIMES)
        ffmpeg.run(
            [
                *self._open(pts[0] * time_base if is_indexed else None),
                *(*video, *count, "-vf", f"{chosen},{sized}"),
                *write_jpegs(jpegs, log),
                *(*video, *count, "-vf", f"{chosen},{TO_ANALYSIS}"),
                *("-c:v", "rawvideo", "-f", "rawvideo", f"file:{seen}"),
                *(sound.attempt(self.probe) if self.has_audio and self.probe.has_audio else ()),
            ],
            timeout_seconds=max(deadline - time.monotonic(), 0.001),
            memory_bytes=self.memory_bytes,
        )
        return [data for _, data in read_jpegs(jpegs, log)], np.fromfile(seen, np.uint8)

    def sound(self, start_seconds: Fraction, end_seconds: Fraction) -> Sound:
        """The sound in [start, end), mixed to one channel; gaps are silence, and it may end early.

        Raises MediaError where the master has no sound or none that can be decoded, StageTimeout, WorkerLost.
        """
        if not self.has_audio or not self.probe.has_audio:
            raise MediaError(f"{self.path.name} has no sound")
        out = self.folder / "sound.f32"
        # There are no pictures to compare by: elsewhere a seek that leads astray would not be noticed.
        is_indexed = self.probe.container.startswith(INDEXED_CONTAINERS)
        ffmpeg.run(
            [
                *self._open(start_seconds if is_indexed else None),
                *sound.between(self.probe, start_seconds, end_seconds),
                *("-ac", "1", "-ar", str(RATE), "-c:a", "pcm_f32le", "-f", "f32le", f"file:{out}"),
                *("-map", f"0:{self.probe.video_stream_index}", "-c", "copy", "-frames:v", "1", "-f", "null", "-"),
            ],
            timeout_seconds=self.timeout_seconds,
            memory_bytes=self.memory_bytes,
        )
        is_empty = out.stat().st_size < 4
        samples = np.zeros(0, np.float32) if is_empty else np.memmap(out, np.float32, "r")
        return Sound(samples, float(start_seconds))

    def _open(self, start_seconds: Fraction | None) -> list[str]:
        """Arguments that open the master somewhat before a time, with time stamps as if nothing were skipped; None: at
        its start, exactly as `prepare` does.
        """
        if start_seconds is None:
            return ffmpeg.read_file(self.path, self.probe, threads=self.threads)
        seek = ffmpeg.seek_before(self.probe, float(start_seconds), SEEK_MARGIN_SECONDS)
        return [
            *("-copyts", "-start_at_zero"),
            *ffmpeg.read_file(self.path, self.probe, threads=self.threads, before=seek),
        ]


def _is_same(seen: NDArray[np.uint8], looks: NDArray[np.uint8], *, exactly: bool) -> bool:
    """Whether pictures are those that `prepare` saw; a linear decode repeats it, up to another build's rounding."""
    levels = levels_off(seen, looks)
    return levels is not None and bool(levels.max() <= (0 if exactly else SAME_PICTURE_LEVELS))
