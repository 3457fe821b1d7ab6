"""Which frames a file of a field case shows, by the bar code in the bottom sixth of each frame.

Fourteen cells: white, twelve bits with the highest first, black.
"""

from pathlib import Path

import av
import numpy as np
from field_picture import within_bars
from numpy.typing import NDArray

BITS = 12
CELLS = BITS + 2


def shown_numbers(path: Path, cropped_from: int = 0) -> list[int]:
    """The number of each frame, in presentation order; -1 where none can be read. `cropped_from`: how wide the picture
    was before as much was cut off at the left as at the right.
    """
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    if cropped_from:
        return [number_of_cropped(picture, cropped_from) for picture in pictures]
    whole = [number_of(picture) for picture in pictures]
    # A frame of another shape than its clip lies between bars.
    return [n if n >= 0 else number_of(within_bars(p)) for n, p in zip(whole, pictures, strict=True)]


def number_of(grey: NDArray[np.uint8]) -> int:
    """The number that a frame carries, uint8 [height, width]; -1 for none."""
    height, width = grey.shape
    row = grey[height - height // 12 - 1]
    cell = width / CELLS
    lit = [bool(row[int((k + 0.5) * cell)] > 127) for k in range(CELLS)]
    if not lit[0] or lit[-1]:
        return -1
    return sum(1 << (BITS - 1 - k) for k in range(BITS) if lit[k + 1])


def number_of_cropped(grey: NDArray[np.uint8], whole_width: int) -> int:
    """As `number_of`, of a frame whose outer cells, white and black, are cut off, and others in part."""
    height, width = grey.shape
    row, cell, edge = grey[height - height // 12 - 1], whole_width / CELLS, (whole_width - width) / 2
    places = [int(np.clip((k + 1.5) * cell - edge, 3, width - 4)) for k in range(BITS)]
    return sum(1 << (BITS - 1 - k) for k, place in enumerate(places) if row[place] > 127)
