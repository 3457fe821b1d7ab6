"""How a file's picture is shown: ffmpeg crops and turns its first frame, as it will for proxy, stills and exports.

PyAV knows no crop that a container states, so its own figures are replaced by those of ffmpeg.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from heaters.errors import MediaError
from heaters.media import child, ffmpeg
from heaters.media.probe import Probe
from heaters.media.shape import pixel_aspect, shown_sides
from heaters.media.unreadable import by_words

MEMORY_BYTES = 6 * 2**30  # address space, as for prepare


def as_shown(path: Path, found: Probe, *, timeout_seconds: float) -> Probe:
    """`found`, whose sides are those of PyAV's decoder, with the sides and the pixels' shape that ffmpeg shows.

    Raises MediaError where ffmpeg decodes no frame, StageTimeout and ChildDied.
    """
    width, height, stated = _first_frame(path, found, timeout_seconds)
    if found.rotation % 180:
        width, height, stated = height, width, 1 / stated if stated else stated
    aspect = pixel_aspect(stated)
    peculiar = list(found.peculiar)
    if (width, height) != (found.coded_width, found.coded_height):
        peculiar.append(f"cropped from {found.coded_width} × {found.coded_height} to {width} × {height}")
    if stated not in (0, aspect):
        peculiar.append(f"pixel aspect ratio {stated} left out")
    shown = shown_sides(width, height, aspect, found.rotation)
    return replace(
        found,
        width=shown[0],
        height=shown[1],
        coded_width=width,
        coded_height=height,
        sample_aspect_ratio=aspect,
        peculiar=tuple(peculiar),
    )


def _first_frame(path: Path, found: Probe, timeout_seconds: float) -> tuple[int, int, Fraction]:
    """Sides of the first frame, cropped and turned, and the shape of its pixels, 0 where none is stated."""
    said: dict[str, str] = {}
    frames: list[str] = []

    def take(line: str) -> None:
        """A line of the muxer `framecrc`: `#name 0: value`, or a frame's numbers."""
        name, _, value = line.partition(" 0: ")
        if line.startswith("#"):
            said[name] = value
        else:
            frames.append(line)

    finished = child.run(
        [
            *(ffmpeg.binary(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"),
            *ffmpeg.read_file(path, found, threads=1),
            *("-map", f"0:{found.video_stream_index}", "-frames:v", "1"),
            *("-c:v", "rawvideo", "-f", "framecrc", "pipe:1"),
        ],
        timeout_seconds=timeout_seconds,
        memory_bytes=MEMORY_BYTES,
        on_line=take,
    )
    if not frames:
        if finished.returncode != 0 and not finished.stderr_tail:
            raise child.died("ffmpeg's look", finished)
        if finished.returncode != 0:
            raise by_words(f"{path.name}: ffmpeg failed ({finished.known})", finished.stderr_tail)
        raise MediaError(f"{path.name}: ffmpeg decodes no frame of it\n{finished.stderr_tail}".rstrip())
    width, height = map(int, said["#dimensions"].split("x"))
    number, _, of = said["#sar"].partition("/")
    return width, height, Fraction(int(number), int(of) or 1)
