"""Stills of an exported clip in full size: the frames that stills were taken from, out of the file that people get.

By ffmpeg in a child: the file's packets may be the master's own.
"""

from collections.abc import Sequence
from pathlib import Path

from heaters.errors import MediaError, RuleError
from heaters.media import ffmpeg
from heaters.media.ffmpeg import MAX_PIXELS
from heaters.media.probe import probe_once
from heaters.media.samples import TO_JPEG, read_jpegs, write_jpegs
from heaters.media.tonemap import converted

TIMEOUT_SECONDS = 900.0
MEMORY_BYTES = 6 * 2**30  # address space, as for prepare
CONTAINER = "mov,mp4,m4a,3gp,3g2,mj2"
# Upright, with square pixels, not smaller than it is.
FULL_SIZE = "'max(1,round(iw*if(sar,sar,1)))':ih"


def clip_stills(clip: Path, frames: Sequence[int], folder: Path) -> list[bytes]:
    """The frames of a clip's file, by rising numbers from its first, each as a JPEG; `folder` is for files in between.

    The same file gives the same bytes. Raises MediaError where it does not hold them, StageTimeout, WorkerLost.
    """
    if not len(frames) or list(frames) != sorted(set(frames)) or frames[0] < 0:
        raise RuleError(f"frames of a clip are rising numbers from 0; got {list(frames)}")
    colour = probe_once(clip).colour
    jpegs, log = folder / "stills.mjpeg", folder / "stills.txt"
    chosen = "+".join(f"eq(n,{frame})" for frame in frames)
    ffmpeg.run(
        [
            *("-protocol_whitelist", "file", "-format_whitelist", CONTAINER, "-max_pixels", str(MAX_PIXELS)),
            *("-threads", "1", "-i", f"file:{clip.absolute()}", "-map", "0:v:0", "-fps_mode", "passthrough"),
            *("-frames:v", str(len(frames)), "-vf", f"select='{chosen}',{converted(colour, FULL_SIZE, TO_JPEG)}"),
            *write_jpegs(jpegs, log),
        ],
        timeout_seconds=TIMEOUT_SECONDS,
        memory_bytes=MEMORY_BYTES,
    )
    found = [data for _, data in read_jpegs(jpegs, log)]
    if len(found) != len(frames):
        raise MediaError(f"{clip.name} has {len(found)} of the frames {list(frames)}")
    return found
