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


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """`pts` is int64 [packets] in presentation order, ticks of `time_base` seconds on the file's own timeline."""

    pts: NDArray[np.int64]
    time_base: Fraction
    last_duration: int  # ticks; 0 where unknown
    width: int
    height: int
    is_intra: bool  # every packet is a key frame, in presentation order
    audio_codec: str  # of the first audio stream; empty where there is none


def read_track(path: Path, stream_index: int = 0) -> Track:
    """Demux the whole track. Raises MediaError where the file cannot be read."""
    pts: list[int] = []
    durations: list[int] = []
    is_intra = True
    try:
        with av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"}) as container:
            stream: Any = container.streams[stream_index]
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue  # the flush at the end
                if packet.pts is None:
                    raise MediaError(f"{path.name} holds a packet without a time stamp")
                is_intra = is_intra and packet.is_keyframe and packet.pts == packet.dts and not packet.is_discard
                pts.append(packet.pts)
                durations.append(packet.duration or 0)
            audio = container.streams.audio
            codec = stream.codec_context
            order = np.argsort(np.array(pts, np.int64), kind="stable")
            return Track(
                pts=np.array(pts, np.int64)[order],
                time_base=Fraction(stream.time_base),
                last_duration=durations[order[-1]] if len(order) else 0,
                width=codec.width,
                height=codec.height,
                is_intra=is_intra,
                audio_codec=audio[0].codec_context.name if audio else "",
            )
    except av.FFmpegError as error:
        raise MediaError(f"{path.name} cannot be read back ({error.strerror})") from error
