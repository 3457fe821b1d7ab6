"""What a media file is: container, video stream, times. PyAV looks at it in a child process with limits.

    python -m heaters.media.probe PATH        prints the facts, or the reason for refusing the file, as JSON

The file is untrusted: a parser that crashes, hangs or allocates without end takes the child with it, not the worker.
"""

import functools
import json
import os
import sys
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from heaters.errors import MediaError
from heaters.machine import plain_environment
from heaters.media import child

TIMEOUT_SECONDS = 120.0  # a slow network disk; a healthy file takes half a second
MEMORY_BYTES = 2 * 2**30  # address space: Python and the libraries take 0.1 GiB, a frame of 10-bit 8K HEVC 0.5
PACKAGE_ROOT = str(Path(__file__).parents[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The facts of a file that holds at least one decodable frame.

    Times are on the timeline that starts at 0 where the container starts. Width and height are as displayed: pixel
    aspect ratio and rotation applied. `rotation` is how far a player turns the picture, clockwise.
    """

    container: str  # ffmpeg's name of the demuxer, e.g. mov,mp4,m4a,3gp,3g2,mj2
    codec: str
    width: int
    height: int
    coded_width: int  # of the decoded picture, before aspect ratio and rotation
    coded_height: int
    sample_aspect_ratio: Fraction
    rotation: int  # 0, 90, 180 or 270
    pixel_format: str
    bit_depth: int
    frame_rate: Fraction  # the container's or ffmpeg's guess; an average where the rate varies
    time_base: Fraction
    start_seconds: float  # of the video stream; above 0 where audio starts first
    duration_seconds: float  # of the video stream if it says so, else of the container; 0 where neither does
    stated_end_seconds: float | None  # where the container says that the video stream ends, if it says so
    video_stream_index: int
    audio_stream_index: int | None  # the first audio stream that can be decoded
    audio_codec: str  # of that stream; empty where there is none
    size_bytes: int
    intra_packets: int | None  # the packets of an MP4 whose every packet is a key frame; else None
    is_faststart: bool  # an MP4 whose index comes before its data
    container_start_seconds: float = 0.0  # where the timeline's 0 lies by the file's own time stamps

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or self.frame_rate <= 0 or self.time_base <= 0:
            raise MediaError(f"a video has sides, a rate and a time base above 0; got {self}")
        if self.rotation not in (0, 90, 180, 270):
            raise MediaError(f"a rotation is 0, 90, 180 or 270; got {self.rotation}")

    @property
    def has_audio(self) -> bool:
        """Whether there is a decodable audio stream."""
        return self.audio_stream_index is not None


def probe(path: Path) -> Probe:
    """Look at a local file.

    Raises MediaError, saying what the file looks like, where it holds no decodable video (empty, a web page, audio
    only, cover art only, a still image, a playlist, broken); StageTimeout where that cannot be told in time.
    """
    if not path.is_file():
        raise MediaError(f"there is no file {path.name}")
    if path.stat().st_size == 0:
        raise MediaError(f"{path.name} is empty (0 bytes)")
    lines: list[str] = []
    finished = child.run(
        [sys.executable, "-P", "-m", "heaters.media.probe", str(path.absolute())],
        timeout_seconds=TIMEOUT_SECONDS,
        memory_bytes=MEMORY_BYTES,
        on_line=lines.append,
        environment=package_environment(),
    )
    if finished.returncode != 0 or not lines:
        raise MediaError(f"{path.name} could not be looked at\n{finished.stderr_tail}")
    facts = json.loads(lines[-1])
    if "error" in facts:
        raise MediaError(f"{path.name}: {facts['error']}")
    for name in ("sample_aspect_ratio", "frame_rate", "time_base"):
        facts[name] = Fraction(facts[name])
    return Probe(**facts)


def probe_once(path: Path) -> Probe:
    """As `probe`, whose child takes half a second, but once in this process for the same file."""
    status = path.stat()
    return _probe_once(path, status.st_ino, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _probe_once(path: Path, inode: int, size_bytes: int, mtime_ns: int) -> Probe:
    del inode, size_bytes, mtime_ns  # they tell a file from the one that was at its path before
    return probe(path)


def package_environment() -> dict[str, str]:
    """A child's environment in which it finds this very package."""
    known = os.environ.get("PYTHONPATH")
    return {**plain_environment(), "PYTHONPATH": os.pathsep.join([PACKAGE_ROOT, *([known] if known else [])])}


def main(path: str) -> None:
    """The child: print one line of JSON."""
    # Not at the top: only the child loads PyAV, and only the child may crash in it.
    from heaters.media.examine import examine

    try:
        facts: dict[str, Any] = asdict(examine(Path(path)))
    except MediaError as error:
        facts = {"error": str(error)}
    print(json.dumps(facts, default=str))


if __name__ == "__main__":
    main(sys.argv[1])
