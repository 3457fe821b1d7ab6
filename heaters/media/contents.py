"""Which streams a file holds, as its container describes them, and whether its sounds decode. By PyAV, in a child."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from heaters.media.programmes import programmes_of
from heaters.media.streams import Stream

# Half a minute of an ordinary film, a second of an uncompressed one. Sound that begins later is taken to be there:
# `prepare` will hear.
PACKETS_UNTIL_SOUND, BYTES_UNTIL_SOUND = 3000, 2**26


def contents(container: Any, path: Path) -> tuple[Stream, ...]:
    """The video and audio streams of an open file, in its order."""
    programmes = programmes_of(path) if container.format.name == "mpegts" else {}
    found = []
    for stream in container.streams:
        if stream.type not in ("video", "audio"):
            continue
        context, is_video = stream.codec_context, stream.type == "video"
        is_known = context is not None and (is_video or context.sample_rate > 0)
        found.append(
            Stream(
                index=stream.index,
                kind=stream.type,
                codec=context.codec.canonical_name if is_known else "",
                programmes=programmes.get(stream.id, ()),
                dispositions=tuple(one.name or "" for one in av.stream.Disposition if one & stream.disposition),
                language=stream.language or "",
                width=context.width if is_known and is_video else 0,
                height=context.height if is_known and is_video else 0,
                channels=context.channels if is_known and not is_video else 0,
                sample_rate=context.sample_rate if is_known and not is_video else 0,
                bit_rate=(context.bit_rate or 0) if is_known else 0,
            )
        )
    return tuple(found)


def listened(path: Path, streams: Sequence[Stream]) -> tuple[Stream, ...]:
    """The same streams; of sounds it is known whether their first packets decode."""
    waiting = {s.index for s in streams if s.kind == "audio" and s.codec}
    heard: dict[int, bool] = {}
    if not waiting:
        return tuple(streams)
    read_bytes = 0
    with av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace") as container:
        tracks = [one for one in container.streams if one.type in ("video", "audio")]
        try:
            for number, packet in enumerate(container.demux(tracks)):
                read_bytes += packet.size
                if number >= PACKETS_UNTIL_SOUND or read_bytes > BYTES_UNTIL_SOUND or not waiting:
                    break
                if packet.stream_index in waiting and packet.size:
                    heard[packet.stream_index] = _decodes(packet)
                    waiting -= {index for index, decodes in heard.items() if decodes}
        except av.FFmpegError:
            pass  # the file breaks off: what was heard so far counts
    return tuple(replace(s, decodes=heard.get(s.index)) for s in streams)


def unevenness_seconds(stream: Any) -> float:
    """How far packets of a sound lie off an even beat, by the index of an MP4; 0 where there is none.

    Browsers play an MP4's sound packet after packet and look at the first time stamp alone.
    """
    times = np.array([entry.timestamp for entry in stream.index_entries], np.int64)
    if len(times) < 3:
        return 0.0
    step = int(np.median(np.diff(times)))
    beat = times[0] + step * np.arange(len(times))
    return float(np.abs(times - beat).max() * Fraction(stream.time_base))


def _decodes(packet: Any) -> bool:
    try:
        return any(frame.samples for frame in packet.decode())
    except av.FFmpegError:
        return False
