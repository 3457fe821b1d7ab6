"""The per-frame tables of videos, read from the object store and kept in memory: PTS, and the probability of a cut.

It does not know what they are for.
"""

import io
import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from heaters.store.objects import ObjectStore

# Two hours at 25 frames a second are 180,000 frames: 1.4 MB of PTS and as much of probabilities.
MAX_BYTES = 64 * 2**20

Arrays = tuple[NDArray[np.generic], ...]


class Tracks:
    """Reads tables by key; the ones used last stay, up to `max_bytes`. Threads may share it."""

    def __init__(self, store: ObjectStore, *, max_bytes: int = MAX_BYTES) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Arrays] = OrderedDict()
        self._used_bytes = 0
        self._guard = threading.Lock()

    def pts(self, key: str) -> NDArray[np.int64]:
        """int64 [frames + 1] in ticks: when each frame begins, and where the last ends."""
        return self._get(key, lambda data: (np.load(io.BytesIO(data)),))[0].astype(np.int64, copy=False)

    def probabilities(self, key: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of a cut after each frame, and of belonging to a transition: float32 [frames] each, in [0, 1]."""
        single, many = self._get(key, _heads)
        return single.astype(np.float32, copy=False), many.astype(np.float32, copy=False)

    def _get(self, key: str, parse: Callable[[bytes], Arrays]) -> Arrays:
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        arrays = parse(self._store.read(key))  # outside the lock: others need not wait for the store
        with self._guard:
            if key not in self._kept:
                self._kept[key] = arrays
                self._used_bytes += sum(array.nbytes for array in arrays)
            while self._used_bytes > self._max_bytes and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._used_bytes -= sum(array.nbytes for array in gone)
        return arrays


def _heads(data: bytes) -> Arrays:
    with np.load(io.BytesIO(data)) as file:
        return file["single"].astype(np.float32), file["many"].astype(np.float32)
