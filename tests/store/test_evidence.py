"""Evidence as bytes, and back."""

import io

import numpy as np
import pytest

from heaters.core.layout import Evidence
from heaters.errors import IntegrityError
from heaters.store.evidence import pack, unpack

PROBABILITIES = np.random.default_rng(0).random((2, 50), np.float32)


@pytest.mark.parametrize("more", [{}, {"wipe": [0.5] * 50}, {"given": [10, 40]}, {"wipe": [0.25] * 50, "given": [1]}])
def test_what_is_packed_comes_back_bit_for_bit(more: dict[str, list[float]]) -> None:
    seen = Evidence.of(*PROBABILITIES.tolist(), **more)  # type: ignore[arg-type]
    back = unpack(pack(seen), 50)
    assert back == seen
    assert np.array_equal(back.single, PROBABILITIES[0])


def test_no_second_head_means_zeros() -> None:
    assert list(Evidence.of([0.5, 0.5]).many) == [0.0, 0.0]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x93NUMPY", pack(Evidence.of([0.5] * 3))[:-20]])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="no probabilities of a detector"):
        unpack(data, 3)


def test_other_arrays_are_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, one=np.zeros(3))
    with pytest.raises(IntegrityError, match="no probabilities of a detector"):
        unpack(buffer.getvalue(), 3)


def test_other_frames_are_refused() -> None:
    with pytest.raises(IntegrityError, match="must be of 51 frames; got 50"):
        unpack(pack(Evidence.of(*PROBABILITIES.tolist())), 51)
