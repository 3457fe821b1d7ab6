"""The film's sound: a quiet chord for each shot, so that sound out of step with the picture is heard at the cuts."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from heaters.sample.reel import TrueCut
from heaters.sample.script import FRAME_RATE

RATE_HZ = 48_000
LOUDNESS = 0.06
# Ramp at a hard cut: short enough to sound exact, long enough not to click.
RAMP_SECONDS = 0.004

# Semitones above A3 of each shot's root; neighbours always differ.
_ROOTS = (0, 5, 7, 3, 10, 2, 8, 12)
_CHORD = (0, 7, 16)


def samples(cuts: Sequence[TrueCut], frame_count: int) -> npt.NDArray[np.int16]:
    """Mono samples at RATE_HZ for the whole film; chords change at the cuts, softly over gradual ones."""
    count = _sample(frame_count)
    mixed = np.zeros(count)
    starts = [0, *(cut.frame for cut in cuts)]
    ends = [*(cut.frame for cut in cuts), frame_count]
    halves = [0, *((cut.end_frame - cut.start_frame) // 2 for cut in cuts), 0]  # half of each transition, in frames
    for number, (start_frame, end_frame) in enumerate(zip(starts, ends, strict=True)):
        begin, end = _sample(start_frame - halves[number]), _sample(end_frame + halves[number + 1])
        seconds = np.arange(begin, end) / RATE_HZ
        root_hz = 220.0 * 2 ** (_ROOTS[number % len(_ROOTS)] / 12)
        chord = sum(np.sin(2 * np.pi * root_hz * 2 ** (step / 12) * seconds) for step in _CHORD) / len(_CHORD)
        envelope = np.ones(end - begin)
        rise, fall = (max(_sample(2 * halves[side]), int(RAMP_SECONDS * RATE_HZ)) for side in (number, number + 1))
        envelope[:rise] *= np.linspace(0, 1, rise)
        envelope[-fall:] *= np.linspace(1, 0, fall)
        mixed[begin:end] += chord * envelope
    return (mixed * LOUDNESS * 32767).astype(np.int16)


def _sample(frame: int) -> int:
    return int(frame * RATE_HZ / FRAME_RATE)
