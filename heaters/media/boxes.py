"""The boxes of an MP4 or QuickTime file (ISO/IEC 14496-12, 4.2), as far as they make sense. It decodes nothing."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MOST_BOXES = 10_000  # of one kind of parent; an honest file has a box for each fragment at its top
MOST_BYTES = 2**20  # of a box that is read whole: tables of sample entries have some hundred
TABLE_HEADER_BYTES = 8  # version and flags, number of entries


def boxes(path: Path, *names: bytes) -> Iterator[bytes]:
    """The bodies of the boxes at a path of names, from the top: moov, trak, mdia, … Longer ones are left out."""
    with path.open("rb") as file:
        yield from _within(file, 0, path.stat().st_size, names)


def _within(file: BinaryIO, start: int, stop: int, names: tuple[bytes, ...]) -> Iterator[bytes]:
    for name, begin, end in _each(file, start, stop):
        if name != names[0]:
            continue
        if len(names) > 1:
            yield from _within(file, begin, end, names[1:])
        elif end - begin <= MOST_BYTES:
            file.seek(begin)
            yield file.read(end - begin)


def sample_entries(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """How the samples of all tracks are coded: name and body of each entry of their tables."""
    for table in boxes(path, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        for name, begin, end in _each(io.BytesIO(table), TABLE_HEADER_BYTES, len(table)):
            yield name, table[begin:end]


def _each(file: BinaryIO, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of the body of each box in [start, stop)."""
    at = start
    for _ in range(MOST_BOXES):
        if at + 8 > stop:
            return
        file.seek(at)
        header = file.read(16)
        length, begin = int.from_bytes(header[:4], "big"), at + 8
        if length == 1:
            length, begin = int.from_bytes(header[8:16], "big"), at + 16
        if length == 0:  # to the end
            length = stop - at
        if length < begin - at:
            return
        yield header[4:8], begin, min(at + length, stop)
        at += length
