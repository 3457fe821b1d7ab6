"""The sides of every frame, seen by the one decode: two raw streams whose packets are as long as a frame is wide, high.

ffmpeg's command line writes no log of them, and PyAV would have to decode the film once more.
"""

from pathlib import Path

from heaters.core.shapes import Shapes, Size
from heaters.errors import MediaError
from heaters.media.ffmpeg import KEEP_TIMES, REPAIR
from heaters.media.probe import Probe
from heaters.media.shape import sides_of_frame

NEAR_PIXELS = 1  # ffmpeg rounds in floating point


def write_shapes(out: Path, probe: Probe) -> list[str]:
    """ffmpeg's arguments for one output: a log of the muxer `framecrc` of both streams."""
    width, height = sides_of_frame(probe.rotation)
    stream = f"0:{probe.video_stream_index}"
    return [
        *("-map", stream, "-map", stream, "-noautoscale", *KEEP_TIMES),
        *("-filter:v:0", f"{REPAIR},scale=w='{width}':h=1:flags=neighbor,format=gray"),
        *("-filter:v:1", f"{REPAIR},scale=w=1:h='{height}':flags=neighbor,format=gray"),
        *("-c:v", "rawvideo", "-f", "framecrc", f"file:{out}"),
    ]


def read_shapes(path: Path, probe: Probe, frame_count: int) -> Shapes:
    """The shapes by a log of `write_shapes`. Raises MediaError unless it has both sides of each frame."""
    sides: tuple[list[int], list[int]] = ([], [])
    with path.open() as lines:
        for line in lines:
            if not line.startswith("#"):
                stream, _, _, _, length, *_ = line.split(",")
                sides[int(stream)].append(int(length))
    if not len(sides[0]) == len(sides[1]) == frame_count:
        raise MediaError(f"{frame_count} frames have {len(sides[0])} widths and {len(sides[1])} heights")
    return Shapes.of_frames([_snapped(size, (probe.width, probe.height)) for size in zip(*sides, strict=True)])


def _snapped(size: Size, usual: Size) -> Size:
    """The usual size, where a frame's is that but for rounding."""
    near = all(abs(own - other) <= NEAR_PIXELS for own, other in zip(size, usual, strict=True))
    return usual if near else size
