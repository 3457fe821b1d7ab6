"""Files that are made to hang, exhaust or crash a decoder, each a few kilobytes: `HOSTILE[name](folder)` writes one.

What is merely broken or cut short is in `media_files`. Made by changing single fields of small honest files.
"""

import re
import struct
from fractions import Fraction
from pathlib import Path

import barcode
from sources import B_FRAMES, Factory

HUGE = 2**32 - 1
INTRA = {"preset": "ultrafast", "crf": "30", "g": "1"}


def _honest(folder: Path, name: str, frames: int = 25, **how: object) -> bytes:
    return barcode.write(folder / f"honest_{name}", frames, **{"options": B_FRAMES, **how}).read_bytes()  # type: ignore[arg-type]


def _write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def box(kind: bytes, body: bytes) -> bytes:
    """A box of an MP4."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def resized(data: bytes, kind: bytes, new: bytes) -> bytes:
    """An MP4 whose last part is its index, with the first box of a kind replaced, and those around it made to fit."""
    at = data.index(kind) - 4
    old = int.from_bytes(data[at : at + 4], "big")
    grown = bytearray(data[:at] + new + data[at + old :])
    for parent in (b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"):
        place = data.find(parent) - 4
        size = int.from_bytes(data[place : place + 4], "big")
        if 0 <= place < at < place + size:
            grown[place : place + 4] = struct.pack(">I", size + len(new) - old)
    return bytes(grown)


def edit_list_loop(folder: Path) -> Path:
    """An edit list that shows the same second 20,000 times over."""
    data = _honest(folder, "loop.mp4")
    entry = struct.pack(">IiHH", 1000, 0, 1, 0)
    count = 20_000
    return _write(
        folder, "loop.mp4", resized(data, b"elst", box(b"elst", struct.pack(">II", 0, count) + entry * count))
    )


def edit_list_that_lies(folder: Path) -> Path:
    """An edit list of 4,294,967,295 entries, of which it holds one."""
    data = _honest(folder, "lies.mp4")
    entry = struct.pack(">IiHH", 1000, 0, 1, 0)
    return _write(folder, "lies.mp4", resized(data, b"elst", box(b"elst", struct.pack(">II", 0, HUGE) + entry)))


def too_many_samples(folder: Path) -> Path:
    """An index of 4,294,967,295 frames of one byte each."""
    data = _honest(folder, "samples.mp4")
    return _write(folder, "samples.mp4", resized(data, b"stsz", box(b"stsz", struct.pack(">III", 0, 1, HUGE))))


def too_many_times(folder: Path) -> Path:
    """A table of times for 4,294,967,295 frames; the file holds 25."""
    data = _honest(folder, "times.mp4")
    return _write(folder, "times.mp4", resized(data, b"stts", box(b"stts", struct.pack(">IIII", 0, 1, HUGE, 512))))


def frames_of_a_century(folder: Path) -> Path:
    """Every frame is shown for the longest time that the table can state."""
    data = _honest(folder, "century.mp4")
    table = box(b"stts", struct.pack(">IIII", 0, 1, 25, 2**31 - 1))
    return _write(folder, "century.mp4", resized(data, b"stts", table))


def no_time_scale(folder: Path) -> Path:
    """A track whose seconds have no ticks: a division by zero for whoever trusts it."""
    data = bytearray(_honest(folder, "scale.mp4"))
    for kind in (b"mvhd", b"mdhd"):
        at = data.index(kind) + 16
        data[at : at + 4] = bytes(4)
    return _write(folder, "scale.mp4", bytes(data))


def box_within_itself(folder: Path) -> Path:
    """Boxes nested ten thousand deep, each an index of an index."""
    data = _honest(folder, "nested.mp4")
    body = b""
    for _ in range(10_000):
        body = box(b"moov", body)
    return _write(folder, "nested.mp4", data[: data.index(b"moov") - 4] + body)


def picture_bomb(folder: Path) -> Path:
    """VP9 whose key frames claim 15360 × 15360 pixels; the container says 96 × 64."""
    data = bytearray(
        _honest(folder, "bomb.webm", 10, codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})
    )
    at = data.index(b"\x49\x83\x42")  # the sync code; then colour space and range in four bits, then both sides
    bits = int.from_bytes(data[at + 3 : at + 9], "big")
    mask = (2**32 - 1) << (48 - 4 - 32)
    bits = bits & ~mask | (15359 << 16 | 15359) << (48 - 4 - 32)
    data[at + 3 : at + 9] = bits.to_bytes(6, "big")
    return _write(folder, "bomb.webm", bytes(data))


def animation_bomb(folder: Path) -> Path:
    """A GIF whose screen is 65535 × 65535."""
    data = bytearray(_honest(folder, "bomb.gif", 5, codec="gif", pix_fmt="gray", options={}))
    data[6:10] = struct.pack("<HH", 65535, 65535)
    return _write(folder, "bomb.gif", bytes(data))


def absurd_times(folder: Path) -> Path:
    """Matroska whose frames lie centuries apart."""
    pts = [0, 40, 80, *(10**13 + 40 * n for n in range(5)), *(2 * 10**13 + 40 * n for n in range(5))]
    return barcode.write(folder / "absurd.mkv", pts=pts, time_base=Fraction(1, 1000), options=INTRA)


def endless_element(folder: Path) -> Path:
    """Matroska whose segment and cluster have no end, followed by a megabyte of empty elements."""
    data = _honest(folder, "endless.mkv")
    return _write(
        folder, "endless.mkv", data + b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff" + b"\xec\x80" * 500_000
    )


def claims_too_long(folder: Path) -> Path:
    """AVI whose header counts 4,294,967,295 frames, of which 25 are there."""
    data = bytearray(_honest(folder, "long.avi", codec="mpeg4", options={"qscale": "3"}))
    at = data.index(b"avih") + 8
    data[at + 16 : at + 20] = struct.pack("<I", HUGE)
    at = data.index(b"strh") + 8
    data[at + 32 : at + 36] = struct.pack("<I", HUGE)
    return _write(folder, "long.avi", bytes(data))


def stream_bomb(folder: Path) -> Path:
    """H.264 whose pictures are 15360 × 15360, in a kilobyte: its parameter set is rewritten."""
    made = barcode.write(folder / "small.h264", 10, options={"preset": "ultrafast", "profile": "baseline"})
    units = made.read_bytes().split(b"\x00\x00\x01")
    place = next(number for number, unit in enumerate(units) if unit[:1] and unit[0] & 31 == 7)
    bits = "".join(f"{byte:08b}" for byte in units[place].replace(b"\x00\x00\x03", b"\x00\x00"))
    assert bits[8:16] == f"{66:08b}", "only the baseline profile has no more fields before the sides"
    _, at = _golomb(bits, 32)  # the set's number
    _, at = _golomb(bits, at)  # frame numbers
    order, at = _golomb(bits, at)
    if order == "1":  # order type 0 has a field of its own
        _, at = _golomb(bits, at)
    _, at = _golomb(bits, at)  # reference frames
    sides = at + 1  # gaps are allowed: one bit
    _, at = _golomb(bits, sides)
    _, at = _golomb(bits, at)
    code = f"{960:b}".zfill(19)  # blocks of 16 pixels: just below what the decoder itself would refuse
    bits = bits[:sides] + code + code + bits[at:]
    bits = bits.rstrip("0")  # to the stop bit
    bits += "0" * (-len(bits) % 8)
    made_anew = int(bits, 2).to_bytes(len(bits) // 8, "big")
    units[place] = re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", made_anew)
    return _write(folder, "bomb.h264", b"\x00\x00\x01".join(units))


def _golomb(bits: str, at: int) -> tuple[str, int]:
    """An Exp-Golomb code as it stands, and where it ends."""
    zeros = bits.index("1", at) - at
    return bits[at : at + 2 * zeros + 1], at + 2 * zeros + 1


# Name → (factory, a phrase of the refusal). "" where its frames decode after all: then they must be whole and few.
HOSTILE: dict[str, tuple[Factory, str]] = {
    "edit_list_loop": (edit_list_loop, "shows 25 frames 500000 times"),
    "edit_list_that_lies": (edit_list_that_lies, ""),
    "too_many_samples": (too_many_samples, "without a decodable frame"),
    "too_many_times": (too_many_times, ""),
    "frames_of_a_century": (frames_of_a_century, ""),
    "no_time_scale": (no_time_scale, ""),
    "box_within_itself": (box_within_itself, "not a readable video"),
    "picture_bomb": (picture_bomb, "15360 × 15360 pixels|without a decodable frame"),
    "stream_bomb": (stream_bomb, "15360 × 15360 pixels"),
    "animation_bomb": (animation_bomb, "without a decodable frame"),
    "absurd_times": (absurd_times, ""),
    "endless_element": (endless_element, ""),
    "claims_too_long": (claims_too_long, ""),
}
