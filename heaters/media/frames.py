"""Single frames of a review proxy, at random; and stills as JPEG. It knows only proxies: every frame is a key frame."""

from collections.abc import Sequence
from pathlib import Path

import decord
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from heaters.errors import MediaError, RuleError

Pictures = NDArray[np.uint8]


class FrameReader:
    """Random access to the frames of an all-intra file; frame n is the n-th that `prepare` decoded."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Open and index `path`. Raises MediaError where it holds no video."""
        self._name = path.name
        try:
            self._video = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=threads)
        except (decord.DECORDError, RuntimeError) as error:
            raise MediaError(f"{path.name} cannot be opened for its frames ({_first_line(error)})") from error

    def __len__(self) -> int:
        return len(self._video)

    def read(self, indices: Sequence[int]) -> Pictures:
        """The frames at `indices`, in that order: uint8 RGB [n, height, width, 3].

        Raises RuleError for an index outside `[0, len)`, MediaError where a frame does not decode.
        """
        count = len(self)
        outside = [index for index in indices if not 0 <= index < count]
        if outside or not indices:
            raise RuleError(f"frames of {self._name} are [0, {count}), at least one; got {list(indices)}")
        try:
            pictures: Pictures = self._video.get_batch(list(indices)).asnumpy()
        except (decord.DECORDError, RuntimeError) as error:
            raise MediaError(f"{self._name}: frames {list(indices)} do not decode ({_first_line(error)})") from error
        return pictures


def write_jpeg(frame: Pictures, path: Path, quality: int) -> None:
    """Write one RGB picture, uint8 [height, width, 3], as JPEG of `quality` 1 to 95."""
    if not 1 <= quality <= 95:
        raise RuleError(f"a JPEG quality is 1 to 95; got {quality}")
    Image.fromarray(frame).save(path, "JPEG", quality=quality, optimize=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
