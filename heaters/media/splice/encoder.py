"""The encoder of frames that are not copied: its settings are like the master, its packets fit beside the master's."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.video.frame import PictureType

from heaters.media.cutting import SOURCE
from heaters.media.splice import nal
from heaters.media.splice.rules import NotCopied, Rule

NEVER = 9999  # frames between key frames: the first is the only one, which is what the file says
# The pixel formats that both the codec's decoder gives and its encoder takes as they are.
PIXEL_FORMATS = {
    "h264": frozenset(
        {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray"}
        | {"yuv420p10le", "yuv422p10le", "yuv444p10le", "gray10le"}
    ),
    "hevc": frozenset(
        {"yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"}
        | {"yuv420p12le", "yuv422p12le", "yuv444p12le", "gray", "gray10le", "gray12le"}
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How frames are encoded. `free_id`: a number that no parameter set of the copied packets has."""

    codec: str
    pixel_format: str
    frame_rate: Fraction
    time_base: Fraction
    sample_aspect_ratio: Fraction | None
    free_id: int
    threads: int

    def __post_init__(self) -> None:
        if self.pixel_format not in PIXEL_FORMATS.get(self.codec, frozenset()):
            raise NotCopied(Rule.CODEC, f"{self.codec} of {self.pixel_format}")

    def open(self, frame: Any) -> tuple[Any, Any]:
        """An encoder of frames like this one, and the filter that its packets go through.

        The filter has the parameter sets state the master's rate: FFmpeg up to 6 takes the length of a frame from
        there, and with it torchcodec. Frames are not reordered.
        """
        is_h264 = self.codec == "h264"
        encoder = av.CodecContext.create("libx264" if is_h264 else "libx265", "w")
        encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, frame.format.name
        encoder.time_base, encoder.framerate = self.time_base, self.frame_rate
        encoder.sample_aspect_ratio = self.sample_aspect_ratio or Fraction(0, 1)
        encoder.color_range, encoder.colorspace = frame.color_range, frame.colorspace
        encoder.color_primaries, encoder.color_trc = frame.color_primaries, frame.color_trc
        encoder.gop_size, encoder.max_b_frames, encoder.thread_count = NEVER, 0, self.threads
        own = (
            {"x264-params": f"sps-id={self.free_id}:open-gop=0:scenecut=0:{SOURCE.x264}"}
            if is_h264
            else {"x265-params": "log-level=none:open-gop=0:repeat-headers=1:scenecut=0"}
        )
        encoder.options = {"preset": SOURCE.preset, "crf": str(SOURCE.crf), **own}
        rate = 2 * self.frame_rate if is_h264 else self.frame_rate  # a tick of H.264 is a field
        return encoder, BitStreamFilterContext(f"{self.codec}_metadata=tick_rate={rate}", self.codec)


class Encoded:
    """Frames of one clip that follow each other, encoded into a file: payloads without parameter sets, and those.

    `pts`: the frames to come, in order. Frames are given by `take`; `finish` raises NotCopied where they were others.
    Use as a context, which deletes the file.
    """

    def __init__(self, path: Path, pts: tuple[int, ...], form: Form) -> None:
        self.pts = pts
        self.sets: tuple[bytes, ...] = ()
        self._path, self._form = path, form
        self._syntax = nal.SYNTAX[form.codec]
        self._sizes: list[int] = []
        self._opened: tuple[Any, Any] | None = None
        self._look: tuple[int, int, str] | None = None
        self._file = path.open("wb")
        self._taken = 0

    def __enter__(self) -> "Encoded":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def take(self, frame: Any, pts: int) -> None:
        """The next frame. Raises NotCopied where it is not the next one, or of another form than those before."""
        if self._taken == len(self.pts) or pts != self.pts[self._taken]:
            raise NotCopied(Rule.TIMES, f"a frame at {pts} came out of its turn")
        look = (frame.width, frame.height, frame.format.name)
        if self._opened is None:
            if frame.format.name != self._form.pixel_format:
                raise NotCopied(Rule.PARAMETERS, f"pictures of {frame.format.name}")
            self._look, self._opened = look, self._form.open(frame)
        if look != self._look:
            raise NotCopied(Rule.PARAMETERS, "the pictures' form changes within the clip")
        self._taken += 1
        frame.pts, frame.time_base, frame.pict_type = pts, self._form.time_base, PictureType.NONE
        self._encode(frame)

    def finish(self) -> None:
        """No more frames come."""
        if self._opened is not None:
            self._encode(None)
        self._file.close()
        self._opened = None
        if len(self._sizes) != len(self.pts):
            raise NotCopied(Rule.TIMES, f"{len(self._sizes)} frames were encoded, {len(self.pts)} expected")

    def payloads(self) -> Iterator[bytes]:
        """The packets, one for each frame, without parameter sets."""
        with self._path.open("rb") as file:
            for size in self._sizes:
                yield file.read(size)

    def _encode(self, frame: Any) -> None:
        assert self._opened is not None
        encoder, stated = self._opened
        try:
            packets = [done for packet in encoder.encode(frame) for done in stated.filter(packet)]
        except av.FFmpegError as error:
            raise NotCopied(Rule.CODEC, f"the encoder refuses its pictures ({error.strerror})") from error
        for packet in packets:
            units = nal.split(bytes(packet), 0)
            self.sets = self.sets or self._syntax.sets_of(units)
            payload = nal.with_start_codes(self._syntax.without_sets(units))
            self._sizes.append(self._file.write(payload))
