"""Facts of a clip from what is decoded already: its 48×27 analysis frames and its stills. Sound is in `listen.py`.

A subject on a black ground looks like bars: only the frames themselves are known here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heaters.errors import RuleError

# Rec. 601 in thousandths, which the starter's photos and JPEG itself use: only comparisons matter here. Sums of whole
# numbers are exact in float32; with fractions a grey of 20 is above a level of 20 on some CPUs.
LUMA = np.array([299, 587, 114], np.float32)
THOUSAND = 1000  # units of LUMA in one of the 255 levels
WHITE = 255 * THOUSAND
STILL_WIDTH = 480  # sharpness depends on the size; all stills are brought to one


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the frames say; see `core/facts.py`."""

    motion: float
    brightness: float
    black_share: float
    frozen_share: float
    letterbox: float


def seen(frames: Iterable[NDArray[np.uint8]], *, dark_level: float, frozen_level: float) -> Seen:
    """From chunks of analysis frames, uint8 RGB [n, h, w, 3] in order. Memory is that of two chunks.

    A cell is dark up to `dark_level` of 255, a frame black when all its cells are (not by its mean: a turning globe on
    black has one of 7, and is no black frame), a row or column a bar when it is dark throughout. Two frames are one
    picture below a mean difference of `frozen_level` of 255. Raises RuleError where there is no frame.
    """
    dark, still = dark_level * THOUSAND, frozen_level * THOUSAND
    count = pairs = black = frozen = 0
    brightness = motion = 0.0
    last: NDArray[np.float32] | None = None
    brightest: NDArray[np.float32] | None = None
    for luma in _lumas(frames):
        means = luma.mean(axis=(1, 2))
        count += len(luma)
        brightness += float(means.sum(dtype=np.float64))
        black += int((luma.max(axis=(1, 2)) <= dark).sum())
        top = luma.max(axis=0)
        brightest = top if brightest is None else np.maximum(brightest, top)
        before = luma[:-1] if last is None else np.concatenate([last[None], luma[:-1]])
        changes = np.abs(luma[len(luma) - len(before) :] - before).mean(axis=(1, 2))
        pairs += len(changes)
        motion += float(changes.sum(dtype=np.float64))
        frozen += int((changes < still).sum())
        last = luma[-1]
    if brightest is None:
        raise RuleError("facts are of at least one frame; got none")
    return Seen(
        motion=motion / max(pairs, 1) / WHITE,
        brightness=brightness / count / WHITE,
        black_share=black / count,
        frozen_share=frozen / max(pairs, 1),
        letterbox=_bars(brightest, dark),
    )


def sharpness(picture: NDArray[np.uint8]) -> float:
    """The standard deviation of the Laplacian of a still, uint8 RGB [h, w, 3], at STILL_WIDTH: 0 for one colour."""
    from PIL import Image

    height = max(3, round(picture.shape[0] * STILL_WIDTH / picture.shape[1]))
    grey = Image.fromarray(picture).convert("L").resize((STILL_WIDTH, height), Image.Resampling.BOX)
    luma = np.asarray(grey, np.float32) / 255
    centre = luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float((around - 4 * centre).std())


def _lumas(frames: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
    for chunk in frames:
        if len(chunk):
            yield chunk.astype(np.float32) @ LUMA


def _bars(brightest: NDArray[np.float32], dark: float) -> float:
    """The share of the picture outside the rows and columns that ever show something; 0 where none does."""
    rows = np.flatnonzero(brightest.max(axis=1) > dark)
    columns = np.flatnonzero(brightest.max(axis=0) > dark)
    if not len(rows):
        return 0.0  # black throughout is not letterboxed
    shown = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return 1.0 - float(shown) / brightest.size
