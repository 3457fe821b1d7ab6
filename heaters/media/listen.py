"""How loud stretches of a film are, from the sound of its proxy, decoded alone. It knows no pictures."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray

from heaters.errors import MediaError

RATE = 16_000  # speech and music have nearly all their power below 8 kHz
WINDOW = RATE // 10  # a tenth of a second: shorter than the pause between two words is long
LOWEST_DBFS = -100.0  # digital silence has no level


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the sound says; see `core/facts.py`. Both None where there is no sound."""

    loudness_dbfs: float | None
    silence_share: float | None


NOTHING = Heard(loudness_dbfs=None, silence_share=None)


class Listener:
    """An open file whose first audio stream is measured by time ranges. Use as a context manager.

    Raises MediaError for a file that cannot be opened or decoded.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        try:
            self._container = av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"})
        except av.FFmpegError as error:
            raise self._refusal(error) from error

    def heard(self, start_seconds: float, end_seconds: float, *, silent_dbfs: float) -> Heard:
        """The sound in [start, end), mixed to one channel; a window is silent below `silent_dbfs`."""
        if not self._container.streams.audio:
            return NOTHING
        try:
            samples = self._samples(start_seconds, end_seconds)
        except av.FFmpegError as error:
            raise self._refusal(error) from error
        if not len(samples):
            return NOTHING
        powers = np.array([np.square(w, dtype=np.float64).mean() for w in _windows(samples)])
        silent = powers < 10 ** (silent_dbfs / 10)
        return Heard(loudness_dbfs=_decibels(float(powers.mean())), silence_share=float(silent.mean()))

    def _samples(self, start_seconds: float, end_seconds: float) -> NDArray[np.float32]:
        """Mono samples at RATE in the range."""
        stream = self._container.streams.audio[0]
        base = float(stream.time_base or 1)
        self._container.seek(max(0, int(start_seconds / base)), stream=stream, backward=True)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        parts: list[NDArray[Any]] = []
        first_seconds: float | None = None
        for frame in self._container.decode(stream):
            at = float(frame.pts or 0) * base
            if at >= end_seconds:
                break
            if at + frame.samples / frame.sample_rate <= start_seconds:
                continue
            first_seconds = at if first_seconds is None else first_seconds
            parts += [part.to_ndarray().reshape(-1) for part in resampler.resample(frame)]
        parts += [part.to_ndarray().reshape(-1) for part in resampler.resample(None)] if parts else []
        if not parts or first_seconds is None:
            return np.zeros(0, np.float32)
        sound = np.concatenate(parts).astype(np.float32, copy=False)
        begin = max(0, round((start_seconds - first_seconds) * RATE))
        return sound[begin : max(0, round((end_seconds - first_seconds) * RATE))]

    def _refusal(self, error: av.FFmpegError) -> MediaError:
        return MediaError(f"the sound of {self._name} cannot be decoded ({error.strerror})")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()


def _windows(samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """A tenth of a second each, the last one maybe shorter."""
    return [samples[at : at + WINDOW] for at in range(0, len(samples), WINDOW)]


def _decibels(power: float) -> float:
    return max(LOWEST_DBFS, 10 * float(np.log10(power))) if power > 0 else LOWEST_DBFS
