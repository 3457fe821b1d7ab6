"""Which streams of a file are encrypted, by what its container says. Demuxers hand them on as if they were not.

A decoder finds a few grey pictures in encrypted bytes, and noise in encrypted sound: it cannot tell. It reads no key.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from heaters.media.boxes import sample_entries
from heaters.media.programmes import LOOKED_AT_BYTES, packets_of

# Sample entries of ISO/IEC 23001-7 (common encryption) and of FairPlay.
ENTRIES = frozenset({b"encv", b"enca", b"drmi", b"drms"})
# ASF's objects of encryption (Advanced Systems Format, 3.14, 3.15 and PlayReady's), as they lie in a file.
ASF_OBJECTS = tuple(
    bytes.fromhex(word)
    for word in (
        "fbb3112223bdd211b4b700a0c955fc6e",
        "14e68a292226174cb935dae07ee9289c",
        "338505438169e6499b74ad12cb86d58c",
    )
)
ASF_HEADER_BYTES = 2**16
MOST_CLEAR = 0.5  # of the packets of a stream whose programme is scrambled, some may be clear: the tables, a beginning


def encrypted(container: Any, path: Path, wanted: set[int]) -> str:
    """How the wanted streams (numbers within the file) of an open file are encrypted; empty where none is."""
    name = container.format.name
    streams = [stream for stream in container.streams if stream.index in wanted]
    if name.startswith("mov,"):
        return _mp4(path)
    if name.startswith("matroska,") and any("enc_key_id" in stream.metadata for stream in streams):
        return "its track has a ContentEncryption"
    if name == "mpegts":
        return _transport_stream(path, {stream.id for stream in streams})
    if name == "mpeg":
        return _program_stream(path, {stream.id & 0xFF for stream in streams})
    if name == "asf":
        with path.open("rb") as file:
            header = file.read(ASF_HEADER_BYTES)
        return "its header has an encryption object" if any(word in header for word in ASF_OBJECTS) else ""
    return ""


def _mp4(path: Path) -> str:
    """By the sample entries of any of its tracks: streams and tracks are not counted alike in all such files."""
    found = sorted({kind.decode("latin-1") for kind, _ in sample_entries(path) if kind in ENTRIES})
    return f"its tracks are of the kind {', '.join(found)}" if found else ""


def _transport_stream(path: Path, pids: set[int]) -> str:
    """By the scrambling bits of its packets (ISO/IEC 13818-1, 2.4.3.3)."""
    packets: Counter[tuple[int, bool]] = Counter()
    with path.open("rb") as file:
        for packet in packets_of(file.read(LOOKED_AT_BYTES)):
            pid = int.from_bytes(packet[1:3], "big") & 0x1FFF
            if pid in pids and packet[3] & 0x10:
                packets[pid, bool(packet[3] & 0x80)] += 1
    return _scrambled(packets)


def _program_stream(path: Path, ids: set[int]) -> str:
    """By the scrambling bits of its packets (ISO/IEC 13818-1, 2.4.3.7), as on a DVD."""
    packets: Counter[tuple[int, bool]] = Counter()
    with path.open("rb") as file:
        data = file.read(LOOKED_AT_BYTES)
    at = data.find(b"\x00\x00\x01")
    while 0 <= at < len(data) - 9:
        if data[at + 3] in ids and data[at + 6] & 0xC0 == 0x80:
            packets[data[at + 3], bool(data[at + 6] & 0x30)] += 1
            at += 5 + int.from_bytes(data[at + 4 : at + 6], "big")
        at = data.find(b"\x00\x00\x01", at + 1)
    return _scrambled(packets)


def _scrambled(packets: "Counter[tuple[int, bool]]") -> str:
    """Of packets by their stream, and whether they are scrambled: of which stream most are."""
    for stream in {stream for stream, _ in packets}:
        shut, clear = packets[stream, True], packets[stream, False]
        if shut > MOST_CLEAR * (shut + clear):
            return f"{shut} of the first {shut + clear} packets of stream {stream:#x} are scrambled"
    return ""
