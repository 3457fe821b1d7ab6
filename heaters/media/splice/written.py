"""Write packets as the video track of an MP4, in decode order, each at its time. It reads and decodes nothing."""

from collections.abc import Sequence
from fractions import Fraction
from types import TracebackType
from typing import Any

import av

from heaters.media.splice import nal
from heaters.media.splice.timing import decode_times, durations


class Writer:
    """An MP4 whose first stream is like `like`, with the packets at `pts` until `end_pts`, in ticks of that stream.

    `header` are parameter sets; without any the stream keeps the header of `like`. The track counts `ticks` a second.
    Use as a context.
    """

    def __init__(
        self, out: str, like: Any, pts: Sequence[int], end_pts: int, header: Sequence[bytes], *, ticks: int, tag: str
    ) -> None:
        base, scale = Fraction(like.time_base), str(ticks)
        options = {"movflags": "+faststart", "video_track_timescale": scale, "movie_timescale": scale}
        self._container = av.open(f"file:{out}", "w", format="mp4", options=options)
        self.stream = self._container.add_stream_from_template(like, opaque=True)
        self.stream.time_base = base
        if like.sample_aspect_ratio:  # of the container, which goes before the codec's
            self.stream.codec_context.sample_aspect_ratio = like.sample_aspect_ratio
        if header:
            self.stream.codec_context.extradata = nal.with_start_codes(header)
        if tag:
            self.stream.codec_context.codec_tag = tag
        times = zip(pts, decode_times(pts), durations(pts, end_pts), strict=True)
        self._times, self._base = iter(times), base

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def write(self, payload: bytes, *, is_key: bool) -> None:
        """The next packet in decode order."""
        packet = av.Packet(payload)
        packet.pts, packet.dts, packet.duration = next(self._times)
        packet.time_base, packet.stream, packet.is_keyframe = self._base, self.stream, is_key
        self._container.mux(packet)

    def add_sound(self, sound: Any) -> Any:
        """A second stream like `sound`, whose packets `write_sound` takes."""
        return self._container.add_stream_from_template(sound, opaque=True)

    def write_sound(self, packet: Any, stream: Any) -> None:
        """A packet of another file's stream, at its own time."""
        packet.stream = stream
        self._container.mux(packet)
