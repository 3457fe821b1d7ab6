"""What a file looks like from its bytes, for error messages and for choosing a reusable MP4. It decodes nothing, and
quotes nothing: who reads the message need not be somebody who may read the file.
"""

from pathlib import Path

# First bytes (lower case) → what that is. Longest known kinds of "video" that are none.
STARTS = (
    (b"<!doctype html", "a web page (HTML)"),
    (b"<html", "a web page (HTML)"),
    (b"<?xml", "an XML document"),
    (b"{", "a JSON document"),
    (b"#extm3u", "a playlist (M3U)"),
    (b"%pdf", "a PDF document"),
    (b"pk\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89png", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x1a\x45\xdf\xa3", "Matroska or WebM, cut short or damaged"),
    (b"riff", "RIFF (AVI or WAV), cut short or damaged"),
)
SAMPLE_BYTES = 4096
BOX_HEADER_BYTES = 16
MAX_BOXES = 64  # top-level boxes of an MP4 looked at before giving up


def looks_like(path: Path) -> str:
    """A clause that says what the file seems to be, from its first bytes."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    start = sample.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for prefix, name in STARTS:
        if start.startswith(prefix):
            return f"it looks like {name}"
    boxes = _boxes(path)
    if any(name == b"ftyp" for name in boxes):
        return "it looks like an MP4 without its index (moov)" if b"moov" not in boxes else "it looks like an MP4"
    if not sample.strip(b"\0"):
        return "it starts with zero bytes"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in sample):
        return "it looks like text"
    return "it looks like nothing that is known"


def is_animated_webp(path: Path) -> bool:
    """Whether the file is a WebP that says of itself that it is animated (RFC 9649, 2.7.1.1)."""
    with path.open("rb") as file:
        start = file.read(21)
    return start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X" and len(start) == 21 and bool(start[20] & 2)


def moov_comes_first(path: Path) -> bool:
    """Whether a player finds an MP4's index before its data."""
    boxes = _boxes(path)
    return b"moov" in boxes and (b"mdat" not in boxes or boxes.index(b"moov") < boxes.index(b"mdat"))


def _boxes(path: Path) -> list[bytes]:
    """The names of the top-level boxes of an MP4, as far as they make sense."""
    names: list[bytes] = []
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at + 8 <= size and len(names) < MAX_BOXES:
            file.seek(at)
            header = file.read(BOX_HEADER_BYTES)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            names.append(header[4:8])
            if length < 8:  # 0: the box goes on to the end of the file
                break
            at += length
    return names
