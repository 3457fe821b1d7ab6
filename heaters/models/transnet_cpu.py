"""How a CPU answers for a video: as one stream, in the reference's windows, or as a stream whose doubts are checked.

A window of the reference cuts the view off after 25 frames, so a stream, which sees further, answers a little else near
the ends of windows: by up to 0.17. `checked` narrows a stream's view as the windows do where that costs nothing (the
similarities), and computes the windows themselves where an answer still lies so near a decision that it could change.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from heaters.models.transnet_stream import CHUNK_FRAMES, Stream
from heaters.models.windows import REFERENCE, Source, Window, Windowing, stretch, windows

Floats = NDArray[np.float32]

DECISION = 0.5  # what is above is a cut by default: see `core/transitions.py`
# How near to it the single head of a stream is in doubt, for each tenth of the window's middle: at least 1.2 times the
# largest difference from the window near 0.5 on 18 tuning films; on the music video the cuts are the same. The many-hot
# head decides where a gradual transition begins and ends; a frame more or less there is not worth a quarter of all.
DOUBT = np.repeat(
    np.array([0.10, 0.07, 0.04, 0.01, 0.01, 0.01, 0.02, 0.04, 0.08, 0.10], np.float32), REFERENCE.step // 10
)
ROUNDING = 0.012  # the same for windows in bfloat16: largest difference from float32 0.007, on 640 frames of a film


def has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; elsewhere it would be slower than float32."""
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())


def exact(stream: Stream, frames: Source) -> Floats:
    """Both heads, [n, 2], in the reference's windows."""
    answer = np.empty((len(frames), 2), np.float32)
    for window in windows([len(frames)]):
        answer[window.start : window.stop] = _window(stream, frames, window, REFERENCE)
    return answer


def whole(stream: Stream, frames: Source, like: Windowing | None = None) -> Floats:
    """Both heads, [n, 2], in one window over everything, which ends where the reference's last window ends."""
    count = len(frames)
    step = -(-count // REFERENCE.step) * REFERENCE.step
    everything = Windowing(length=step + 2 * REFERENCE.context, step=step)
    return _window(stream, frames, Window(0, 0, count), everything, like)


def checked(fast: Stream, sure: Stream, frames: Source) -> Floats:
    """Both heads, [n, 2]: `fast` for all, and where that leaves doubt windows of `fast`, then of `sure`."""
    answer = whole(fast, frames, REFERENCE)
    for window in list(_doubtful(answer)):
        part = _window(fast, frames, window, REFERENCE)
        if fast is not sure and (np.abs(part[:, 0] - DECISION) < ROUNDING).any():
            part = _window(sure, frames, window, REFERENCE)
        answer[window.start : window.stop] = part
    return answer


def _doubtful(answer: Floats) -> Iterator[Window]:
    for window in windows([len(answer)]):
        part = answer[window.start : window.stop]
        if (np.abs(part[:, 0] - DECISION) < DOUBT[: len(part)]).any():
            yield window


def _window(
    stream: Stream, frames: Source, window: Window, windowing: Windowing, like: Windowing | None = None
) -> Floats:
    """The answers of one window that count."""
    first = window.start - windowing.context
    chunks = stretch(frames, first, first + windowing.length, CHUNK_FRAMES)
    parts = [part.numpy() for part in stream.run(map(torch.from_numpy, chunks), like)]
    answers: Floats = np.concatenate(parts)[windowing.context :][: window.stop - window.start]
    return answers
