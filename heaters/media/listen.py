"""How loud stretches of a film are, from its decoded sound. It knows no files: `master.py` decodes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 16_000  # speech and music have nearly all their power below 8 kHz
WINDOW = RATE // 10  # a tenth of a second: shorter than the pause between two words is long
LOWEST_DBFS = -100.0  # digital silence has no level


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the sound says; see `core/facts.py`. Both None where there is no sound."""

    loudness_dbfs: float | None
    silence_share: float | None


NOTHING = Heard(loudness_dbfs=None, silence_share=None)


class Sound:
    """Mono samples, float32 [n] at RATE, that begin at `start_seconds` of the film; measured by time ranges."""

    def __init__(self, samples: NDArray[np.float32], start_seconds: float) -> None:
        self.samples = samples
        self._start_seconds = start_seconds

    def heard(self, start_seconds: float, end_seconds: float, *, silent_dbfs: float) -> Heard:
        """The sound in [start, end); a window is silent below `silent_dbfs`."""
        begin = max(0, round((start_seconds - self._start_seconds) * RATE))
        part = self.samples[begin : max(0, round((end_seconds - self._start_seconds) * RATE))]
        if not len(part):
            return NOTHING
        powers = np.array([np.square(w, dtype=np.float64).mean() for w in _windows(part)])
        silent = powers < 10 ** (silent_dbfs / 10)
        return Heard(loudness_dbfs=_decibels(float(powers.mean())), silence_share=float(silent.mean()))


def _windows(samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """A tenth of a second each, the last one maybe shorter."""
    return [samples[at : at + WINDOW] for at in range(0, len(samples), WINDOW)]


def _decibels(power: float) -> float:
    return max(LOWEST_DBFS, 10 * float(np.log10(power))) if power > 0 else LOWEST_DBFS
