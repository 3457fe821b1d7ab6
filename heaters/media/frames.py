"""Frames of a film by their number, at random, by PyAV; and stills as JPEG. Other libraries: `readers`."""

import io
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray
from PIL import Image

from heaters.errors import MediaError, RuleError
from heaters.media.unreadable import by_number

Pictures = NDArray[np.uint8]


class FrameReader:
    """Random access to the frames of an MP4 by its index; frame n of a proxy is the n-th that `prepare` decoded.

    A context manager: closed at its end, where it would else keep its decoder until the garbage collector comes by.
    """

    def __init__(self, path: Path, *, threads: int = 1, intra: bool = True) -> None:
        """Open `path`. Raises MediaError where it holds no video or index, or, with `intra`, frames that are no key
        frames: of a proxy every frame costs the same.
        """
        self._name = path.name
        try:
            self._container: Any = av.open(
                f"file:{path.absolute()}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
            )
        except av.FFmpegError as error:
            raise by_number(error.errno, f"{path.name} cannot be opened for its frames ({error.strerror})") from error
        if not self._container.streams.video:
            raise MediaError(f"{path.name} holds no video")
        self._stream = self._container.streams.video[0]
        # Slices, not frames: frame threads would hold the wanted picture back until more packets come.
        self._stream.thread_type, self._stream.codec_context.thread_count = "SLICE", threads
        entries = self._stream.index_entries
        if not len(entries) or (intra and not all(entry.is_keyframe for entry in entries)):
            raise MediaError(f"{path.name} is no proxy: not every frame of it is a key frame in an index")
        # Where a key frame begins in the file, by its number. An index has decoding times: a proxy's are its PTS.
        self._begins: dict[int, int]
        if all(entry.is_keyframe for entry in entries):
            self._pts = [entry.timestamp for entry in entries]
            self._begins = dict(enumerate(self._pts))
        else:
            packets: list[Any] = [packet for packet in self._container.demux(self._stream) if packet.pts is not None]
            self._pts = sorted(packet.pts for packet in packets)
            numbers = {pts: number for number, pts in enumerate(self._pts)}
            self._begins = {numbers[packet.pts]: packet.dts for packet in packets if packet.is_keyframe}
        self._keys = sorted(self._begins)
        # One for all frames: each frame's own would set its scaler up anew, 6.6 ms of 720p where converting takes 2.
        self._converter: Any = VideoReformatter()
        self._decoding: Iterator[Any] = iter(())
        self._next = len(self)  # the frame that `_decoding` gives next; after the last one it gives none

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file and its decoder."""
        self._container.close()

    def __len__(self) -> int:
        return len(self._pts)

    def read(self, indices: Sequence[int]) -> Pictures:
        """The frames at `indices`, in that order: uint8 RGB [n, height, width, 3].

        Raises RuleError for an index outside `[0, len)`, MediaError where a frame does not decode.
        """
        if not indices or not all(0 <= index < len(self) for index in indices):
            raise RuleError(f"frames of {self._name} are [0, {len(self)}), at least one; got {list(indices)}")
        try:
            return np.stack([self._read_one(index) for index in indices])
        except av.FFmpegError as error:
            raise MediaError(f"{self._name}: frames {list(indices)} do not decode ({error.strerror})") from error

    def _read_one(self, index: int) -> Pictures:
        key = self._keys[max(bisect_right(self._keys, index) - 1, 0)]
        if not key <= self._next <= index:
            self._container.seek(self._begins[key], stream=self._stream)
            self._decoding = self._container.decode(self._stream)
        self._next = len(self)  # until it is known that the frame is there
        frame = next((frame for frame in self._decoding if frame.pts >= self._pts[index]), None)
        if frame is None or frame.pts != self._pts[index]:
            came = "nothing" if frame is None else f"the frame at {frame.pts}"
            raise MediaError(f"{self._name}: frame {index} lies at {self._pts[index]}, {came} came")
        self._next = index + 1
        picture: Pictures = self._converter.reformat(frame, format="rgb24").to_ndarray()
        return picture


def jpeg(frame: Pictures, quality: int) -> bytes:
    """One RGB picture, uint8 [height, width, 3], as JPEG of `quality` 1 to 95."""
    if not 1 <= quality <= 95:
        raise RuleError(f"a JPEG quality is 1 to 95; got {quality}")
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()
