"""What a media file is: container, video stream, times. PyAV looks at it in a child process with limits, and ffmpeg at
how its picture is shown (`shown.py`).

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

from heaters.errors import MediaError, StageError, StoreError
from heaters.machine import plain_environment
from heaters.media import child
from heaters.media.holes import Hole, hole_of
from heaters.media.streams import Stream, stream_of

TIMEOUT_SECONDS = 120.0  # a slow network disk; a healthy file takes half a second
LEAST_BYTES_PER_SECOND = 20e6  # where all packets have to be read, to look for holes
MEMORY_BYTES = 2 * 2**30  # address space: Python and the libraries take 0.1 GiB, a frame of 10-bit 8K HEVC 0.5
MOST_UNEVEN_SECONDS = 0.01  # a frame at 100 per second
PACKAGE_ROOT = str(Path(__file__).parents[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The facts of a file that holds at least one decodable frame.

    Times are on the timeline that starts at 0 where the container starts. Width and height are as displayed: crop,
    pixel aspect ratio and rotation applied. `rotation` is how far a player turns the picture, clockwise.
    """

    container: str  # ffmpeg's name of the demuxer, e.g. mov,mp4,m4a,3gp,3g2,mj2
    codec: str
    width: int
    height: int
    coded_width: int  # of the decoded and cropped picture, before aspect ratio and rotation
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
    sound_indices: tuple[int, ...]  # the audio streams that are its sound; several are mono tracks, to be mixed
    audio_codec: str  # of the first of them; empty where there is none
    size_bytes: int
    intra_packets: int | None  # the packets of an MP4 whose every packet is a key frame; else None
    is_faststart: bool  # an MP4 whose index comes before its data
    container_start_seconds: float = 0.0  # where the timeline's 0 lies by the file's own time stamps
    streams: tuple[Stream, ...] = ()  # all video and audio streams, and which were taken
    sound_unevenness_seconds: float = 0.0  # how far packets of an MP4's sound lie off an even beat
    stream_timecode: str = ""  # of the first frame, as the picture or a track beside it states it; ';' is drop-frame
    format_timecode: str = ""  # as the container states it
    timecode_rate: Fraction | None = None  # frames a second that it counts, where that is stated
    holes: tuple[Hole, ...] = ()  # closed wherever the file is read; times of the file are without them
    sound_end_seconds: float | None = None  # where sound that goes on long after the last picture is cut off
    peculiar: tuple[str, ...] = ()  # what else is done to show a picture, in words: a crop that the container states, …

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or self.frame_rate <= 0 or self.time_base <= 0:
            raise MediaError(f"a video has sides, a rate and a time base above 0; got {self}")
        if self.rotation not in (0, 90, 180, 270):
            raise MediaError(f"a rotation is 0, 90, 180 or 270; got {self.rotation}")

    @property
    def has_audio(self) -> bool:
        """Whether a sound is there to be decoded, as far as the beginning of the file tells; `prepare` finds out."""
        return bool(self.sound_indices)

    @property
    def is_heard_alike(self) -> bool:
        """Whether browsers play the same sound at the same times: they choose by themselves, and close its holes."""
        is_alone = sum(stream.kind == "audio" for stream in self.streams) == len(self.sound_indices) < 2
        return is_alone and self.sound_unevenness_seconds <= MOST_UNEVEN_SECONDS

    @property
    def timecode(self) -> str:
        """The timecode of the first frame: the stream's, which cameras write, else the container's, else empty."""
        return self.stream_timecode or self.format_timecode


def probe(path: Path) -> Probe:
    """Look at a local file.

    Raises MediaError, saying what the file looks like, where it holds no decodable video (empty, a web page, audio
    only, cover art only, a still image, a playlist, broken); StageTimeout where that cannot be told in time; StoreError
    where this machine cannot read it, ChildDied where the look ended without a reason.
    """
    if not path.is_file():
        raise StoreError(f"there is no file {path} on this machine")
    if path.stat().st_size == 0:
        raise MediaError(f"{path.name} is empty (0 bytes)")
    # Not at the top: this module's types are what ffmpeg's command lines are made of.
    from heaters.media.shown import as_shown

    timeout_seconds = TIMEOUT_SECONDS + path.stat().st_size / LEAST_BYTES_PER_SECOND
    return as_shown(path, _examined(path, timeout_seconds), timeout_seconds=timeout_seconds)


def _examined(path: Path, timeout_seconds: float) -> Probe:
    """What PyAV finds."""
    lines: list[str] = []
    finished = child.run(
        [sys.executable, "-P", "-m", "heaters.media.probe", str(path.absolute())],
        timeout_seconds=timeout_seconds,
        memory_bytes=MEMORY_BYTES,
        on_line=lines.append,
        environment=package_environment(),
    )
    if finished.returncode != 0 or not lines:
        raise child.died(f"the look at {path.name}", finished)
    facts = json.loads(lines[-1])
    if "error" in facts:
        said = f"{path.name}: {facts['error']}"
        raise MediaError(said) if facts["is_final"] else StoreError(said)
    for name in ("sample_aspect_ratio", "frame_rate", "time_base"):
        facts[name] = Fraction(facts[name])
    facts["holes"] = tuple(hole_of(told) for told in facts["holes"])
    facts["timecode_rate"] = Fraction(facts["timecode_rate"]) if facts["timecode_rate"] else None
    facts["sound_indices"] = tuple(facts["sound_indices"])
    facts["streams"] = tuple(stream_of(told) for told in facts["streams"])
    facts["peculiar"] = tuple(facts["peculiar"])
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
    except StageError as error:
        facts = {"error": str(error), "is_final": not error.retryable}
    print(json.dumps(facts, default=str))


if __name__ == "__main__":
    main(sys.argv[1])
