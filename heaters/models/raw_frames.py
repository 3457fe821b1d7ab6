"""Analysis frames in a file, read as they are needed. It knows one layout: uint8 RGB [n, 27, 48, 3], frame after frame.

Not a memory map: its pages count as resident once touched (4.2 GB for ten hours), and one that lost its file's end
kills the process with SIGBUS instead of raising.
"""

import os
import weakref
from operator import index
from pathlib import Path
from typing import SupportsIndex

import numpy as np
from numpy.typing import NDArray

from heaters.errors import IntegrityError, RuleError

FRAME_SHAPE = (27, 48, 3)
FRAME_BYTES = 27 * 48 * 3


class RawFrames:
    """A sequence of frames; one or a slice of them is a fresh array. The file may be deleted meanwhile, not changed.

    Raises IntegrityError where the file does not hold exactly `count` frames.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, path: Path, count: int) -> None:
        self._name = path.name
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)  # with the last reference, as an array's memory would go
        self.shape = (count, *FRAME_SHAPE)
        found = os.fstat(self._file).st_size
        if found != count * FRAME_BYTES:
            raise IntegrityError(f"{path.name} must hold {count} frames of {FRAME_BYTES} bytes; it holds {found} bytes")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frames: slice | SupportsIndex) -> NDArray[np.uint8]:
        """Frames [start, stop), or one: [27, 48, 3]. Raises IntegrityError where the file has lost them since."""
        if not isinstance(frames, slice):
            number = index(frames)
            if not -len(self) <= number < len(self):
                raise IndexError(f"frames of {self._name} are [0, {len(self)}); got {number}")
            number %= len(self)
            return self[number : number + 1].reshape(FRAME_SHAPE)
        start, stop, step = frames.indices(len(self))
        if step != 1:
            raise RuleError(f"raw frames are read in order; got a step of {step}")
        out = np.empty((max(stop - start, 0), *FRAME_SHAPE), np.uint8)
        view = memoryview(out.reshape(-1).data)
        done = 0
        while done < len(view):
            got = os.preadv(self._file, [view[done:]], start * FRAME_BYTES + done)
            if not got:
                raise IntegrityError(f"{self._name} has lost the frames from {start + done // FRAME_BYTES} on")
            done += got
        return out
