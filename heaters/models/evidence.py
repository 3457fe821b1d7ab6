"""All that is known of a video's frames before cuts are drawn: the network's two heads and what the pixels say.

It is made once, where the frames are, and stored: cuts with other thresholds then need neither frames nor a network
(`core/transitions.py`).
"""

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from heaters.errors import RuleError
from heaters.models.dissolves import dissolve_evidence
from heaters.models.short_wipes import short_wipe_evidence
from heaters.models.steps import step_evidence
from heaters.models.windows import Frames
from heaters.models.wipes import wipe_evidence

Floats = NDArray[np.float32]
VERSION = 2  # raise it when the same frames give other evidence


def _nothing() -> Floats:
    return np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Per frame, float32 [n] each; what was not looked for is empty. See `core/transitions.py` for what it means."""

    single: Floats
    many: Floats
    wipe: Floats = field(default_factory=_nothing)
    dissolve: Floats = field(default_factory=_nothing)
    step: Floats = field(default_factory=_nothing)

    def __post_init__(self) -> None:
        counts = {name: len(values) for name, values in self.arrays().items()}
        if any(count not in (0, len(self.single)) for count in counts.values()) or len(self.many) != len(self.single):
            raise RuleError(f"all evidence is for the same frames; got {counts}")

    def arrays(self) -> dict[str, Floats]:
        """Every kind of evidence by its name: what is stored, and the arguments of `Evidence`."""
        return {known.name: getattr(self, known.name) for known in fields(self)}

    def lists(self) -> dict[str, list[float]]:
        """The same as plain numbers: the arguments of `core.transitions.transitions`."""
        return {name: values.tolist() for name, values in self.arrays().items()}


def look(frames: Frames, single: Floats, many: Floats) -> Evidence:
    """What the 48×27 frames add to the network's answers: uint8 [n, 27, 48, 3], float32 [n] twice."""
    return Evidence(
        single=single,
        many=many,
        wipe=np.maximum(wipe_evidence(frames), short_wipe_evidence(frames)),
        dissolve=dissolve_evidence(frames, many),
        step=step_evidence(frames, single),
    )


def stored(arrays: dict[str, Floats]) -> Evidence:
    """Evidence as it was stored; older files hold the two heads alone. Raises RuleError when the heads are missing."""
    known = {kind.name for kind in fields(Evidence)}
    if not {"single", "many"} <= set(arrays):
        raise RuleError(f"stored evidence has at least single and many; got {sorted(arrays)}")
    return Evidence(**{name: np.asarray(values, np.float32) for name, values in arrays.items() if name in known})
