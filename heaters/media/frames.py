"""Single frames of a review proxy, at random; and stills as JPEG. It knows only proxies: every frame is a key frame.

PyAV rather than decord: decord 3.4 refuses some sides (72×128: "size must exactly match") and was 18 times slower on
five scattered frames of a 1280×720 proxy (480 ms against 26 ms, the pixels equal).
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from heaters.errors import MediaError, RuleError

Pictures = NDArray[np.uint8]


class FrameReader:
    """Random access to the frames of an all-intra MP4; frame n is the n-th that `prepare` decoded.

    A context manager: closed at its end, where it would else keep its decoder until the garbage collector comes by.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Open `path` by its index. Raises MediaError where it holds no video, or frames that are no key frames."""
        self._name = path.name
        try:
            self._container: Any = av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"})
        except av.FFmpegError as error:
            raise MediaError(f"{path.name} cannot be opened for its frames ({error.strerror})") from error
        if not self._container.streams.video:
            raise MediaError(f"{path.name} holds no video")
        self._stream = self._container.streams.video[0]
        # Slices, not frames: frame threads would hold the wanted picture back until more packets come.
        self._stream.thread_type, self._stream.codec_context.thread_count = "SLICE", threads
        entries = self._stream.index_entries
        if not len(entries) or not all(entry.is_keyframe for entry in entries):
            raise MediaError(f"{path.name} is no proxy: not every frame of it is a key frame in an index")
        self._pts = [entry.timestamp for entry in entries]

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
        self._container.seek(self._pts[index], stream=self._stream)
        frame = next(self._container.decode(self._stream), None)
        if frame is None or frame.pts != self._pts[index]:
            came = "nothing" if frame is None else f"the frame at {frame.pts}"
            raise MediaError(f"{self._name}: frame {index} lies at {self._pts[index]}, {came} came")
        picture: Pictures = frame.to_ndarray(format="rgb24")
        return picture


def jpeg(frame: Pictures, quality: int) -> bytes:
    """One RGB picture, uint8 [height, width, 3], as JPEG of `quality` 1 to 95."""
    if not 1 <= quality <= 95:
        raise RuleError(f"a JPEG quality is 1 to 95; got {quality}")
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()
