"""How far 48×27 pictures are from those that `prepare` made of the same frames. Pure."""

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.uint8]


def levels_off(made: Pictures, prepared: Pictures) -> NDArray[np.float64] | None:
    """The mean difference of each picture in levels of 255: float64 [pictures]. None where their numbers differ.

    `made` and `prepared`: uint8, each picture as 27 × 48 × 3 values, in any shape.
    """
    if made.size != prepared.size:
        return None
    shape = (len(prepared), -1)
    levels: NDArray[np.float64] = np.abs(made.reshape(shape).astype(np.int16) - prepared.reshape(shape)).mean(axis=1)
    return levels
