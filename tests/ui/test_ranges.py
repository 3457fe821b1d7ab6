"""Byte ranges of objects that are not files here."""

import pytest

from ui.ranges import parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", (0, 1000, False)),
        ("bytes=0-", (0, 1000, True)),
        ("bytes=100-199", (100, 200, True)),
        ("bytes=-500", (500, 1000, True)),
        ("bytes=-5000", (0, 1000, True)),
        ("bytes=900-5000", (900, 1000, True)),
        ("bytes=0-0", (0, 1, True)),
        ("bytes=-", (0, 1000, False)),
        ("bytes=5-1", (0, 1000, False)),
        ("bytes=0-1,5-6", (0, 1000, False)),
        ("frames=0-1", (0, 1000, False)),
        ("bytes=a-b", (0, 1000, False)),
    ],
)
def test_range(header: str, expected: tuple[int, int, bool]) -> None:
    part = parse_range(header, 1000)
    assert part is not None
    assert (part.start, part.stop, part.is_partial) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_range_fails(header: str) -> None:
    assert parse_range(header, 1000) is None
