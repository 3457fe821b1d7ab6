"""The review proxy: H.264 of at most 1280×720 whose every frame is a key frame, at exactly the times of the source's.

Made within `prepare`'s one decode where people will review, and alone (`make_proxy`) where somebody asks for it later.
"""

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heaters.core.shapes import Shapes
from heaters.errors import MediaError
from heaters.media import ffmpeg
from heaters.media.ffmpeg import Encoding, OnProgress
from heaters.media.probe import Probe
from heaters.media.room import Room
from heaters.media.track import Track, read_track

MAX_WIDTH, MAX_HEIGHT = 1280, 720
# Measured on two cores at 1280×720, every frame a key frame, CRF 23: superfast 160 fps, veryfast 82, fast 39, and their
# files within 6 % of each other (fast −4 %): without prediction between frames a slower preset has nothing to find.
# CRF 28.25 makes the file that `fast` makes at 28, as like its source (SSIM 0.966 and 0.968); benchmarks/prepare.py.
PROXY = Encoding(preset="superfast", crf=28.25, keyframe_every=1, audio_bitrate="128k")

# What the proxy depends on, for its key. Raise the version when a change here makes other bytes or other times.
PROXY_SETTINGS: dict[str, object] = {
    **asdict(PROXY),
    "max_width": MAX_WIDTH,
    "max_height": MAX_HEIGHT,
    "version": 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that was made alone. `reused`: the source is one itself, and `path` is the source."""

    path: Path
    reused: bool
    wall_seconds: float


def proxy_size(width: int, height: int) -> tuple[int, int]:
    """Sides of the proxy for a picture shown as `width` × `height`: fits 1280×720, even, never larger than the picture.

    (Except that a side of one pixel becomes two, the least that 4:2:0 can hold.)
    """
    scale = min(Fraction(1), Fraction(MAX_WIDTH, width), Fraction(MAX_HEIGHT, height))
    return max(int(width * scale) // 2 * 2, 2), max(int(height * scale) // 2 * 2, 2)


def is_fit_proxy(probe: Probe) -> bool:
    """Whether a source may serve as its own review proxy, as far as its header tells."""
    return (
        probe.intra_packets is not None
        and probe.is_faststart
        and probe.codec == "h264"
        and probe.audio_codec in ("", "aac")
        and probe.is_heard_alike
        and not probe.holes
        and probe.sound_end_seconds is None
        and probe.pixel_format == "yuv420p"
        and probe.rotation == 0
        and not probe.peculiar
        and (probe.coded_width, probe.coded_height) == (probe.width, probe.height)
        and proxy_size(probe.width, probe.height) == (probe.width, probe.height)
    )


def write_proxy(out: Path, probe: Probe, *, threads: int, has_audio: bool, shapes: Shapes | None = None) -> list[str]:
    """ffmpeg's arguments for one output: the proxy of a source. `shapes`: where they are known already."""
    width, height = proxy_size(probe.width, probe.height)
    return ffmpeg.write_proxy(
        out, probe, PROXY, width=width, height=height, threads=threads, has_audio=has_audio, shapes=shapes
    )


def is_in_step(track: Track, pts: NDArray[np.int64], time_base: Fraction) -> bool:
    """Whether a track has one key frame for each decoded frame, at exactly its time: `pts` in ticks of `time_base`."""
    if not track.is_intra or len(track.pts) != len(pts):
        return False
    ratio = time_base / track.time_base
    return bool(np.array_equal(track.pts * ratio.denominator, pts * ratio.numerator))


def make_proxy(
    source: Path,
    out: Path,
    probe: Probe,
    *,
    pts: NDArray[np.int64],
    time_base: Fraction,
    has_audio: bool,
    threads: int,
    timeout_seconds: float,
    memory_bytes: int,
    shapes: Shapes | None = None,
    on_progress: OnProgress | None = None,
) -> Proxy:
    """Decode `source` and write its proxy to `out`, the same bytes that `prepare` makes.

    `pts` are the frames that `prepare` found, int64 [frames] in ticks of `time_base`, `shapes` their shapes, None where
    they have one; `has_audio`: with the sound that it found. Raises MediaError where the proxy does not have exactly
    these frames, and as `ffmpeg.run` does.
    """
    if is_fit_proxy(probe) and is_in_step(read_track(source, probe.video_stream_index), pts, time_base):
        return Proxy(path=source, reused=True, wall_seconds=0.0)
    room = Room.of(out.parent, probe)

    def watch(frames: int, seconds: float) -> None:
        room.check()
        if on_progress is not None:
            on_progress(frames, seconds)

    _, finished = ffmpeg.run(
        [
            *ffmpeg.read_file(source, probe, threads=threads),
            *write_proxy(out, probe, threads=threads, has_audio=has_audio and probe.has_audio, shapes=shapes),
        ],
        timeout_seconds=timeout_seconds,
        memory_bytes=memory_bytes,
        on_progress=watch,
    )
    track = read_track(out)
    if not is_in_step(track, pts, time_base):
        raise MediaError(f"{len(pts)} frames were prepared; the proxy holds {len(track.pts)}, or at other times")
    return Proxy(path=out, reused=False, wall_seconds=finished.wall_seconds)
