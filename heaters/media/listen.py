"""How loud a clip is, from the sound of its exported file, decoded alone. It knows no pictures."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from heaters.errors import MediaError

RATE = 16_000  # speech and music have nearly all their power below 8 kHz
WINDOW = RATE // 10  # a tenth of a second: shorter than the pause between two words is long
LOWEST_DBFS = -100.0  # digital silence has no level


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the sound says; see `core/facts.py`. Both None where a file has no sound."""

    loudness_dbfs: float | None
    silence_share: float | None


def heard(path: Path, *, silent_dbfs: float) -> Heard:
    """Decode the first audio stream, mixed to one channel; a window is silent below `silent_dbfs`.

    Raises MediaError where it cannot be decoded.
    """
    try:
        with av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"}) as container:
            if not container.streams.audio:
                return Heard(loudness_dbfs=None, silence_share=None)
            powers = _powers(container)
    except av.FFmpegError as error:
        raise MediaError(f"the sound of {path.name} cannot be decoded ({error.strerror})") from error
    if not powers:
        return Heard(loudness_dbfs=None, silence_share=None)
    levels = np.array(powers)
    silent = levels < 10 ** (silent_dbfs / 10)
    return Heard(loudness_dbfs=_decibels(float(levels.mean())), silence_share=float(silent.mean()))


def _powers(container: "av.container.InputContainer") -> list[float]:
    """The mean power of each window, the last one maybe shorter."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    powers: list[float] = []
    rest = np.zeros(0, np.float32)

    def take(samples: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]", *, all_of_it: bool = False) -> None:
        nonlocal rest
        rest = np.concatenate([rest, samples])
        while len(rest) >= WINDOW or (all_of_it and len(rest)):
            powers.append(float(np.square(rest[:WINDOW], dtype=np.float64).mean()))
            rest = rest[WINDOW:]

    for frame in container.decode(audio=0):
        for part in resampler.resample(frame):
            take(part.to_ndarray().reshape(-1).astype(np.float32))
    for part in resampler.resample(None):
        take(part.to_ndarray().reshape(-1).astype(np.float32))
    take(np.zeros(0, np.float32), all_of_it=True)
    return powers


def _decibels(power: float) -> float:
    return max(LOWEST_DBFS, 10 * float(np.log10(power))) if power > 0 else LOWEST_DBFS
