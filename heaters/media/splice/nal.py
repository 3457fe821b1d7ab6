"""NAL units of H.264 and HEVC: split packets into units, join them again, read a unit's type. It knows no time.

Types are those of ITU-T H.264 (table 7-1) and H.265 (table 7-1).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_ESCAPED = re.compile(rb"\x00\x00(?=[\x00-\x03])")  # bytes that would look like a start code
START_CODE = b"\x00\x00\x00\x01"

H264_IDR, H264_SEI, H264_SPS, H264_PPS = 5, 6, 7, 8
_RECOVERY_POINT = 6  # payload type (H.264, D.1)
H264_PARTITIONS = frozenset({2, 3, 4})
HEVC_LEADING = frozenset({6, 7, 8, 9})  # RADL and RASL
HEVC_RASL = frozenset({8, 9})
HEVC_BLA_N_LP, HEVC_CRA, HEVC_VPS, HEVC_SPS, HEVC_PPS = 18, 21, 32, 33, 34
HEVC_KEYS = frozenset(range(16, 22))  # BLA, IDR and CRA
HEVC_IDR = frozenset({19, 20})


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """How one codec writes its units."""

    name: str
    slices: frozenset[int]
    parameter_sets: tuple[int, ...]  # in the order in which they go before a key frame

    def type_of(self, unit: bytes) -> int:
        """The type of a unit."""
        return unit[0] & 31 if self.name == "h264" else unit[0] >> 1 & 63

    @property
    def sequence(self) -> int:
        """The type of sequence parameter sets."""
        return self.parameter_sets[-2]

    def sets_of(self, units: Iterable[bytes]) -> tuple[bytes, ...]:
        """Those of the units that are parameter sets."""
        return tuple(unit for unit in units if self.type_of(unit) in self.parameter_sets)

    def without_sets(self, units: Iterable[bytes]) -> list[bytes]:
        """Those of the units that are no parameter sets."""
        return [unit for unit in units if self.type_of(unit) not in self.parameter_sets]


SYNTAX = {
    "h264": Syntax(name="h264", slices=frozenset(range(1, 6)), parameter_sets=(H264_SPS, H264_PPS)),
    "hevc": Syntax(name="hevc", slices=frozenset(range(22)), parameter_sets=(HEVC_VPS, HEVC_SPS, HEVC_PPS)),
}


def split(packet: bytes, length_bytes: int) -> list[bytes]:
    """The units of a packet whose units follow a length of `length_bytes`, or start codes where that is 0.

    Raises ValueError where the lengths do not add up.
    """
    return list(_with_lengths(packet, length_bytes) if length_bytes else _with_start_codes(packet))


def _with_lengths(packet: bytes, length_bytes: int) -> Iterator[bytes]:
    at = 0
    while at < len(packet):
        begin = at + length_bytes
        at = begin + int.from_bytes(packet[at:begin], "big")
        if at > len(packet):
            raise ValueError(f"a unit reaches to byte {at} of a packet of {len(packet)}")
        if at > begin:
            yield packet[begin:at]


def _with_start_codes(packet: bytes) -> Iterator[bytes]:
    begin = packet.find(b"\x00\x00\x01")
    while begin >= 0:
        end = packet.find(b"\x00\x00\x01", begin + 3)
        # Zeros before the next start code belong to no unit.
        unit = packet[begin + 3 : end if end >= 0 else None].rstrip(b"\x00")
        if unit:
            yield unit
        begin = end


def with_start_codes(units: Iterable[bytes]) -> bytes:
    """A packet, or a header, of these units."""
    return b"".join(START_CODE + unit for unit in units)


def header_units(header: bytes, name: str) -> tuple[list[bytes], int]:
    """The parameter sets of a stream's header, and the bytes of a length in its packets (0: start codes).

    The header is an `avcC` or `hvcC` box's content (ISO/IEC 14496-15) or units with start codes, or empty.
    Raises ValueError or IndexError where it is neither.
    """
    if header[:1] != b"\x01" or header[:3] == b"\x00\x00\x01":
        return split(header, 0), 0
    return _avcc(header) if name == "h264" else _hvcc(header)


def _avcc(header: bytes) -> tuple[list[bytes], int]:
    units, at = [], 5
    for mask in (31, 255):
        count, at = header[at] & mask, at + 1
        for _ in range(count):
            unit, at = _sized(header, at)
            units.append(unit)
    return units, (header[4] & 3) + 1


def _hvcc(header: bytes) -> tuple[list[bytes], int]:
    units, at = [], 23
    for _ in range(header[22]):
        count, at = int.from_bytes(header[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            unit, at = _sized(header, at)
            units.append(unit)
    return units, (header[21] & 3) + 1


def _sized(header: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(header[at : at + 2], "big")
    if end > len(header):
        raise ValueError(f"a parameter set reaches to byte {end} of a header of {len(header)}")
    return header[at + 2 : end], end


def without_recovery_point(unit: bytes) -> bytes:
    """An H.264 SEI unit without its recovery points; b"" where it holds nothing else.

    By them FFmpeg takes a frame for a key frame, whatever the file says. A seek that leads to one that is none shows
    wrong frames (decord2).
    """
    data = unit[1:].replace(b"\x00\x00\x03", b"\x00\x00").rstrip(b"\x00").removesuffix(b"\x80")
    kept, at = b"", 0
    while at < len(data):
        begin = at
        kind, at = _sum(data, at)
        size, at = _sum(data, at)
        at += size
        kept += b"" if kind == _RECOVERY_POINT else data[begin:at]
    if len(kept) == len(data):
        return unit
    return unit[:1] + _ESCAPED.sub(b"\x00\x00\x03", kept + b"\x80") if kept else b""


def _sum(data: bytes, at: int) -> tuple[int, int]:
    """A number written as bytes of 255 and a last one (H.264, 7.3.2.3.1)."""
    total = 0
    while at < len(data) and data[at] == 255:
        total, at = total + 255, at + 1
    return total + (data[at] if at < len(data) else 0), at + 1


def as_broken_link(unit: bytes) -> bytes:
    """An HEVC slice of a CRA picture as one of type BLA_N_LP, after which a decoder starts anew.

    The syntax of both slice headers is the same (H.265, 7.3.6.1), so one byte changes.
    """
    return bytes([unit[0] & 0x81 | HEVC_BLA_N_LP << 1]) + unit[1:]
