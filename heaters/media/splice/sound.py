"""ffmpeg's command for the sound of clips, all by one process. Pure, but for looking at what was written."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from heaters.media import ffmpeg
from heaters.media.ffmpeg import INDEXED_CONTAINERS, SEEK_MARGIN_SECONDS, Span
from heaters.media.probe import Probe

SHORT_SECONDS = 0.1  # a clip's sound that ends earlier may have been missed by a seek


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The sound of `span`, as a file."""

    span: Span
    out: Path

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        """Where it begins and ends, in seconds of the film."""
        return self.span.seconds(self.span.start_pts), self.span.seconds(self.span.end_pts)


def command(source: Path, probe: Probe, wanted: Sequence[Wanted], bitrate: str, *, is_sought: bool) -> list[str]:
    """Write them all. The master is opened for each, somewhat before the clip (or at its start): what a decoder makes
    of sound depends on where it begins, and a clip must have the same bytes whichever clips it is cut with.
    """
    reads: list[str] = []
    writes: list[str] = []
    for place, one in enumerate(wanted):
        seek = ffmpeg.seek_before(probe, float(one.ends[0]), SEEK_MARGIN_SECONDS) if is_sought else ()
        reads += ffmpeg.read_file(source, probe, threads=1, before=seek)
        writes += [*ffmpeg.sound_of(probe, one.span, number=place), *ffmpeg.aac(bitrate)]
        writes += ["-map_metadata", "-1", "-f", "mp4", f"file:{one.out}"]
        if not _is_indexed(probe):
            # Times count from the start of the streams in use: the pictures too, as `prepare` has it.
            writes += ["-map", f"{place}:{probe.video_stream_index}", "-c", "copy", "-frames:v", "1", "-f", "null", "-"]
    return ["-copyts", "-start_at_zero", *reads, *writes]


def may_be_missed(probe: Probe, one: Wanted) -> bool:
    """Whether a seek in a file without an index may have led past sound: less came than the clip is long."""
    if _is_indexed(probe):
        return False
    begin, end = one.ends
    with av.open(f"file:{one.out}", options={"protocol_whitelist": "file"}) as container:
        return (container.duration or 0) / av.time_base < float(end - begin) - SHORT_SECONDS


def _is_indexed(probe: Probe) -> bool:
    return probe.container.startswith(INDEXED_CONTAINERS)
