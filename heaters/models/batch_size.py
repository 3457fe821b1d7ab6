"""How many windows one call of a network takes on this GPU: found by probing, halved when memory runs out, remembered.

What was learnt is a fact of this machine, so it lies in a file under HEATERS_HOME and not in PostgreSQL, which workers
never write to; a file that is lost costs one probe of some seconds. Delete it to probe again. It knows no network.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

FILE = "batch-sizes.json"
MOST = 256  # windows of 250 frames: more fill no GPU better, and each takes 40 MB in half precision
WORTH_IT = 1.02  # doubling goes on as long as one of the last two was faster than all before by this
GOOD_ENOUGH = 0.95  # of the best rate: of sizes that fast the smallest is taken, which leaves memory to others


class BatchSize:
    """The batch size under one key: device, revision of the weights, precision, version of torch.

    `folder` is where the file lies; None: nothing is remembered. A file that cannot be read or written only costs the
    probe: no call fails for it. Processes may share it; of two that write at once, one is forgotten.
    """

    def __init__(self, key: str, folder: Path | None) -> None:
        self._key = key
        self._path = folder / FILE if folder else None

    def find(self, run: Callable[[int], float]) -> int:
        """The remembered size, else the best by probing. `run(n)` works on a batch of n and returns its seconds.

        Raises torch.OutOfMemoryError where not even one fits.
        """
        known = self._notes().get(self._key, 0)
        if known:
            return known
        found = probe(run)
        self._note(found)
        return found

    def halve(self, failed: int) -> int:
        """Half of a size that memory did not suffice for, at least 1; remembered where it is less than before."""
        smaller = max(failed // 2, 1)
        if smaller < self._notes().get(self._key, smaller + 1):
            self._note(smaller)
        return smaller

    def _notes(self) -> dict[str, int]:
        if self._path is None:
            return {}
        with suppress(OSError, ValueError):
            notes = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(notes, dict):
                return {key: size for key, size in notes.items() if isinstance(size, int) and 0 < size <= MOST}
        return {}

    def _note(self, size: int) -> None:
        if self._path is None:
            return
        partial = self._path.with_name(f".{FILE}.{os.getpid()}")
        with suppress(OSError):
            partial.write_text(json.dumps(self._notes() | {self._key: size}, indent=1), encoding="utf-8")
            partial.replace(self._path)


def probe(run: Callable[[int], float], most: int = MOST) -> int:
    """The smallest of 1, 2, 4, … `most` whose rate is within GOOD_ENOUGH of the best that fits.

    Doubling ends at the first size that does not fit, or after two that are no faster than one before.
    Raises torch.OutOfMemoryError where not even one fits.
    """
    rates: dict[int, float] = {}
    size = 1
    while size <= most:
        try:
            run(size)  # the first call of a shape also chooses kernels and reserves memory
            rates[size] = size / max(run(size), 1e-9)
        except torch.OutOfMemoryError:
            if not rates:
                raise
            break
        so_far = list(rates.values())
        if len(so_far) > 2 and max(so_far[-2:]) < WORTH_IT * max(so_far[:-2]):
            break
        size *= 2
    return min(size for size, rate in rates.items() if rate >= GOOD_ENOUGH * max(rates.values()))
