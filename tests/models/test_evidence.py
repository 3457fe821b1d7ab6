"""Evidence: what is stored, and that older files can be read."""

import io

import numpy as np
import pytest

from heaters.core.transitions import transitions
from heaters.errors import RuleError
from heaters.models.evidence import Evidence, look, stored
from tests.support.scenes import shot


def test_stored_evidence_gives_the_same_cuts() -> None:
    frames = np.concatenate([shot(1, 30), shot(2, 30)])
    single, many = np.zeros(60, np.float32), np.zeros(60, np.float32)
    single[29] = 0.4
    seen = look(frames, single, many)
    file = io.BytesIO()
    np.savez_compressed(file, **seen.arrays())  # type: ignore[arg-type]
    file.seek(0)
    again = stored(dict(np.load(file)))
    assert [cut.frame for cut in transitions(**again.lists())] == [30]
    assert transitions(**again.lists()) == transitions(**seen.lists())


def test_the_heads_alone_are_enough() -> None:
    heads = stored({"single": np.full(5, 0.25, np.float32), "many": np.zeros(5, np.float32)})
    assert (len(heads.wipe), len(heads.step)) == (0, 0)
    assert transitions(**heads.lists(), threshold=0.2)


def test_refusals() -> None:
    with pytest.raises(RuleError, match="at least single and many"):
        stored({"single": np.zeros(5, np.float32)})
    with pytest.raises(RuleError, match="'wipe': 4"):
        Evidence(single=np.zeros(5, np.float32), many=np.zeros(5, np.float32), wipe=np.zeros(4, np.float32))
