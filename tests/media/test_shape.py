"""The arithmetic of shapes: turns by display matrices as ffmpeg has them, sides, filters."""

import struct
from fractions import Fraction

import pytest

from heaters.media.shape import even, matrix_of, pixel_aspect, shown_sides, turn_of

ONE = 65536


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((), (0, "")),
        ((ONE, 0, 0, 0, ONE, 0), (0, "")),
        ((0, ONE, 0, -ONE, 0, 0), (90, "")),
        ((-ONE, 0, 0, 0, -ONE, 0), (180, "")),
        ((0, -ONE, 0, ONE, 0, 0), (270, "")),
        ((-ONE, 0, 0, 0, ONE, 0), (180, "mirrored")),
        ((ONE, 0, 0, 0, -ONE, 0), (0, "mirrored")),
        ((0, -ONE, 0, -ONE, 0, 0), (270, "mirrored")),
        ((46340, -46340, 0, 46340, 46340, 0), (0, "turned by 315°")),
        ((65527, -1029, 0, 1029, 65527, 0), (0, "")),  # 0.9°: ffmpeg takes it for none
        ((1029, -65527, 0, 65527, 1029, 0), (270, "")),
        ((0, 0, 0, 0, 0, 0), (0, "")),  # no turn can be read from it
    ],
)
def test_turns(matrix: tuple[int, ...], turn: tuple[int, str]) -> None:
    assert turn_of(matrix) == turn


def test_a_matrix_is_read_from_side_data() -> None:
    assert matrix_of(struct.pack("=9i", *range(9))) == tuple(range(9))
    assert matrix_of(None) == matrix_of(b"\0" * 8) == ()


@pytest.mark.parametrize(
    ("stated", "taken"),
    [(Fraction(0), 1), (Fraction(12, 11), Fraction(12, 11)), (Fraction(8), 8), (Fraction(20), 1), (Fraction(1, 9), 1)],
)
def test_nonsense_is_no_shape_of_a_pixel(stated: Fraction, taken: Fraction) -> None:
    assert pixel_aspect(stated) == taken


def test_sides_as_shown() -> None:
    assert shown_sides(96, 64, Fraction(4, 3), 0) == (128, 64)
    assert shown_sides(96, 64, Fraction(4, 3), 270) == (64, 128)
    assert shown_sides(1, 64, Fraction(1, 8), 0) == (1, 64)
    assert even((97, 1)) == (96, 2)
