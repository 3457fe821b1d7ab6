"""Evidence: what the pixels add to the network's answers, and that a store and back changes no cut."""

import numpy as np
from scenes import shot

from heaters.models.evidence import look
from heaters.store.evidence import pack, unpack


def test_stored_evidence_gives_the_same_cuts() -> None:
    frames = np.concatenate([shot(1, 30), shot(2, 30)])
    single, many = np.zeros(60, np.float32), np.zeros(60, np.float32)
    single[29] = 0.4
    seen = look(frames, single, many)
    assert [cut.frame for cut in seen.transitions(0.5)] == [30]  # the network's doubt, and a picture that changes
    again = unpack(pack(seen), 60)
    assert again == seen
    assert again.transitions(0.5) == seen.transitions(0.5)


def test_every_kind_is_for_every_frame() -> None:
    frames = shot(1, 20)
    nothing = np.zeros(20, np.float32)
    seen = look(frames, nothing, nothing)
    assert {name: len(values) for name, values in seen.pixels.items()} == {"wipe": 20, "dissolve": 20, "step": 20}
    assert seen.transitions(0.5) == []
