"""The programmes of a transport stream: which packet identifiers (PIDs) belong together, by its own tables.

ISO/IEC 13818-1: packets of 188 bytes (2.4.3.2), the association table in PID 0 (2.4.4.3), a map table for each
programme (2.4.4.8). PyAV does not tell them.
"""

from collections.abc import Iterator
from pathlib import Path

LOOKED_AT_BYTES = 4 * 2**20  # tables come ten times a second; this is a tenth of a second of 300 Mbit/s
SYNC, PACKET_BYTES = 0x47, 188
STRIDES = (188, 192, 204)  # plain, with a time code in front (M2TS), with a check sum behind
MAP_ID, ASSOCIATION_ID = 0x02, 0x00


def programmes_of(path: Path) -> dict[int, tuple[int, ...]]:
    """The numbers of the programmes that each PID belongs to; empty where the file states none."""
    with path.open("rb") as file:
        data = file.read(LOOKED_AT_BYTES)
    packets = list(packets_of(data))
    maps = {pid: number for table in _tables(packets, 0, ASSOCIATION_ID) for number, pid in _associated(table)}
    found: dict[int, set[int]] = {}
    for pid in maps:
        for table in _tables(packets, pid, MAP_ID):
            for elementary in _elementary(table):
                found.setdefault(elementary, set()).add(int.from_bytes(table[3:5], "big"))
    return {pid: tuple(sorted(numbers)) for pid, numbers in found.items()}


def packets_of(data: bytes) -> Iterator[bytes]:
    """The packets, from the first place on from which five follow one another."""
    for start in range(min(len(data), 2 * STRIDES[-1])):
        for stride in STRIDES:
            places = range(start, min(start + 5 * stride, len(data)), stride)
            if len(places) == 5 and all(data[at] == SYNC for at in places):
                yield from (data[at : at + PACKET_BYTES] for at in range(start, len(data) - PACKET_BYTES + 1, stride))
                return


def _tables(packets: list[bytes], pid: int, table_id: int) -> Iterator[bytes]:
    """The whole tables of that kind in a PID, each from its table_id on."""
    pending = b""
    for packet in packets:
        if packet[0] != SYNC or int.from_bytes(packet[1:3], "big") & 0x1FFF != pid or not packet[3] & 0x10:
            continue
        begin = 5 + packet[4] if packet[3] & 0x20 else 4
        payload = packet[begin:]
        if packet[1] & 0x40 and payload:  # a table begins here, after what is left of the one before
            pending = payload[1 + payload[0] :]
        elif pending:
            pending += payload
        while len(pending) >= 3 and pending[0] != 0xFF:
            size = 3 + (int.from_bytes(pending[1:3], "big") & 0x0FFF)
            if len(pending) < size:
                break
            if pending[0] == table_id and size >= 12:
                yield pending[:size]
            pending = pending[size:]


def _associated(table: bytes) -> Iterator[tuple[int, int]]:
    """Programme number and PID of its map, of an association table. Number 0 is the network's own."""
    for at in range(8, len(table) - 4 - 3, 4):
        number = int.from_bytes(table[at : at + 2], "big")
        if number:
            yield number, int.from_bytes(table[at + 2 : at + 4], "big") & 0x1FFF


def _elementary(table: bytes) -> Iterator[int]:
    """The PIDs of the streams of a map table."""
    at = 12 + (int.from_bytes(table[10:12], "big") & 0x0FFF)
    while at + 5 <= len(table) - 4:
        yield int.from_bytes(table[at + 1 : at + 3], "big") & 0x1FFF
        at += 5 + (int.from_bytes(table[at + 3 : at + 5], "big") & 0x0FFF)
