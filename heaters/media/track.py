"""The packets of a video track as they lie in a file. It decodes nothing.

Only for files that ffmpeg wrote here or has read to the end in a child: libavformat runs in this very process.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from heaters.errors import MediaError
from heaters.media.unreadable import by_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """`pts` is int64 [packets] in presentation order, ticks of `time_base` seconds on the file's own timeline."""

    pts: NDArray[np.int64]
    time_base: Fraction
    last_duration: int  # ticks; 0 where unknown
    width: int  # as coded
    height: int
    sample_aspect_ratio: Fraction
    is_intra: bool  # every packet is a key frame, in presentation order
    audio_codec: str  # of the first audio stream; empty where there is none, or none of its packets


def read_track(path: Path, stream_index: int | None = None) -> Track:
    """Demux the whole track: the given stream, or the first video stream; without one, a track of no packets.

    Raises MediaError where the file cannot be read, StoreError where that is the machine's fault.
    """
    try:
        options = {"protocol_whitelist": "file"}
        with av.open(f"file:{path.absolute()}", options=options, metadata_errors="replace") as container:
            return _read(container, path, stream_index)
    except av.FFmpegError as error:
        raise by_number(error.errno, f"{path.name} cannot be read back ({error.strerror})") from error


def _read(container: Any, path: Path, stream_index: int | None) -> Track:
    videos = container.streams.video
    stream = container.streams[stream_index] if stream_index is not None else (videos[0] if videos else None)
    audio = container.streams.audio
    pts: list[int] = []
    durations: list[int] = []
    is_intra = True
    for packet in container.demux(stream) if stream is not None else ():
        if packet.size == 0:
            continue  # the flush at the end
        if packet.pts is None:
            raise MediaError(f"{path.name} holds a packet without a time stamp")
        is_intra = is_intra and packet.is_keyframe and packet.pts == packet.dts and not packet.is_discard
        pts.append(packet.pts)
        durations.append(packet.duration or 0)
    order = np.argsort(np.array(pts, np.int64), kind="stable")
    return Track(
        pts=np.array(pts, np.int64)[order],
        time_base=Fraction(stream.time_base if stream is not None else 1),
        last_duration=durations[order[-1]] if pts else 0,
        width=stream.codec_context.width if stream is not None else 0,
        height=stream.codec_context.height if stream is not None else 0,
        sample_aspect_ratio=Fraction((stream.sample_aspect_ratio if stream is not None else None) or 1),
        is_intra=is_intra and bool(pts),
        audio_codec=audio[0].codec_context.name if audio and len(audio[0].index_entries) else "",
    )
