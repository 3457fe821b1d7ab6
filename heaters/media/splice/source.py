"""The packets of a master around a clip, with times as `prepare` counts them. It decodes nothing.

Runs in a child only: the file is untrusted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import av

from heaters.media.splice.rules import NotCopied, Rule

# How far before the clip reading starts: an MP4 is entered by decode times, which lie before those of showing.
SEEK_MARGIN_SECONDS = 1
MICROSECONDS = 1_000_000


@contextmanager
def opened(path: str, container: str) -> Iterator[Any]:
    """The file, by the probed demuxer alone. Raises NotCopied where it cannot be read."""
    options = {"protocol_whitelist": "file", "format_whitelist": container}
    try:
        found = av.open(f"file:{path}", options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        raise NotCopied(Rule.READ, str(error.strerror)) from error
    with found:
        yield found


def shift(container: Any, stream: Any, used: tuple[int, ...]) -> int:
    """Ticks to add to the stream's times so that the container starts at 0, as ffmpeg's command line does it.

    In transport streams, whose clock may jump, that counts the start of the streams in use alone.
    """
    start = container.start_time or 0
    if container.format.flags & av.format.Flags.ts_discont.value:
        begins = [container.streams[index] for index in used]
        found = [
            _rounded(Fraction(one.start_time * one.time_base) * MICROSECONDS)
            for one in begins
            if one.start_time is not None
        ]
        start = min(found, default=start)
    return -_rounded(Fraction(start, MICROSECONDS) / Fraction(stream.time_base))


def packets(container: Any, stream: Any, offset: int, start_pts: int, end_pts: int) -> Iterator[tuple[int, Any]]:
    """Place and packet, in decode order, from before the clip to beyond it; the same ones at each call.

    Raises NotCopied for a packet without a time, and where the file cannot be entered.
    """
    margin = int(SEEK_MARGIN_SECONDS / Fraction(stream.time_base))
    try:
        container.seek(start_pts - offset - margin, stream=stream)
    except av.FFmpegError as error:
        raise NotCopied(Rule.READ, f"no seek in {container.format.name} ({error.strerror})") from error
    place = 0
    for packet in container.demux(stream):
        if packet.size == 0:
            continue  # the flush at the end
        if packet.pts is None:
            raise NotCopied(Rule.TIMES, "a packet without a time")
        yield place, packet
        place += 1
        if packet.dts is not None and packet.dts + offset >= end_pts:
            return


def _rounded(value: Fraction) -> int:
    """To the nearest integer, halves away from 0, as `av_rescale_q`."""
    return int(abs(value) + Fraction(1, 2)) * (1 if value >= 0 else -1)
