"""The ways a CPU answers for a video, against each other."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scenes import dissolve, shot

from heaters.models import transnet_cpu
from heaters.models.transnet import load_weights
from heaters.models.transnet_cpu import DECISION, checked, exact, has_bf16, whole
from heaters.models.transnet_stream import Stream
from heaters.models.windows import REFERENCE


@pytest.fixture(scope="module")
def streams() -> tuple[Stream, Stream]:
    state, _ = load_weights()
    return Stream(state, torch.bfloat16 if has_bf16() else torch.float32), Stream(state)


@pytest.fixture(scope="module")
def film() -> NDArray[np.uint8]:
    """Cuts and dissolves close to where windows meet."""
    shots = [shot(seed, count) for seed, count in ((1, 26), (2, 23), (3, 9), (4, 44), (5, 48))]
    mixed = dissolve(shot(6, 60), shot(7, 60), 20, 20)
    return np.concatenate([*shots, mixed])


def test_checked_makes_the_reference_s_decisions(streams: tuple[Stream, Stream], film: NDArray[np.uint8]) -> None:
    fast, sure = streams
    with torch.inference_mode():
        one, other = checked(fast, sure, film), exact(sure, film)
    assert np.array_equal(one[:, 0] > DECISION, other[:, 0] > DECISION)
    assert np.abs(one - other).max() < 0.15


def test_a_stream_that_looks_as_windows_do_is_nearer_to_them(
    streams: tuple[Stream, Stream], film: NDArray[np.uint8]
) -> None:
    _, sure = streams
    with torch.inference_mode():
        truth = exact(sure, film)
        narrow, wide = whole(sure, film, REFERENCE), whole(sure, film)
    # In the middle of a window nothing but the view of the neighbours differs.
    middle = np.arange(len(film)) % REFERENCE.step // 10 == 2
    assert np.abs(narrow - truth)[middle].max() < 0.01
    assert np.abs(narrow - truth).mean() < np.abs(wide - truth).mean()


def test_every_doubt_is_checked(
    streams: tuple[Stream, Stream], film: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sure = streams
    monkeypatch.setattr(transnet_cpu, "DOUBT", np.ones(REFERENCE.step, np.float32))
    with torch.inference_mode():
        assert np.array_equal(checked(sure, sure, film), exact(sure, film))
