"""All that is known of a video's frames before cuts are drawn: the network's two heads and what the pixels say.

It is made once, where the frames are, and stored: cuts with other thresholds then need neither frames nor a network
(`core/layout.py`).
"""

import numpy as np
from numpy.typing import NDArray

from heaters.core.layout import Evidence
from heaters.models.dissolves import dissolve_evidence
from heaters.models.steps import step_evidence
from heaters.models.windows import Source
from heaters.models.wipes import wipe_evidence

Floats = NDArray[np.float32]
VERSION = 3  # raise it when the same frames give other evidence


def look(frames: Source, single: Floats, many: Floats) -> Evidence:
    """What the 48×27 frames add to the network's answers: uint8 [n, 27, 48, 3], float32 [n] twice."""
    return Evidence.of(
        single.tolist(),
        many.tolist(),
        wipe=wipe_evidence(frames).tolist(),
        dissolve=dissolve_evidence(frames, many).tolist(),
        step=step_evidence(frames, single).tolist(),
    )
