"""Every kind of file the product must refuse or survive: from `BROKEN` no video can be got, `DAMAGED` hold a part."""

from pathlib import Path

import barcode
import numpy as np
from sources import B_FRAMES, Factory, b_frames, cover_picture, remux


def _bytes(name: str, data: bytes) -> Factory:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(data)
        return path

    return make


def audio_only(folder: Path) -> Path:
    made, out = b_frames(folder), folder / "sound.m4a"
    barcode.ffmpeg("-i", made, "-vn", "-c", "copy", out)
    return out


def song_with_cover(folder: Path) -> Path:
    sound, out = audio_only(folder), folder / "song.mp4"
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic")
    barcode.ffmpeg("-i", sound, "-i", cover_picture(folder), *maps, out)
    return out


def without_index(folder: Path) -> Path:
    """An MP4 that was still being written: its index, which comes last, is missing."""
    made = b_frames(folder)
    data = made.read_bytes()
    out = folder / "without_index.mp4"
    out.write_bytes(data[: data.index(b"moov") - 4])
    return out


def undecodable(folder: Path) -> Path:
    """The index is fine, the pictures are noise."""
    made = barcode.write(folder / "fine.mp4", 30, options=B_FRAMES, container_options={"movflags": "faststart"})
    data = bytearray(made.read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = np.random.default_rng(3).bytes(len(data) - start)
    out = folder / "undecodable.mp4"
    out.write_bytes(bytes(data))
    return out


def huge_sides(folder: Path) -> Path:
    """A header that claims 16000 × 16000 pixels for a few hundred bytes."""
    made = barcode.write(folder / "small.mkv", 5, width=320, height=256, codec="ffv1")
    data = made.read_bytes()
    for element, side in ((0xB0, 320), (0xBA, 256)):  # PixelWidth and PixelHeight, two bytes each
        honest = bytes([element, 0x82]) + side.to_bytes(2, "big")
        assert data.count(honest) == 1
        data = data.replace(honest, bytes([element, 0x82]) + (16000).to_bytes(2, "big"))
    out = folder / "huge.mkv"
    out.write_bytes(data)
    return out


def eleven_channels(folder: Path) -> Path:
    """Good pictures, and sound in eleven channels without names: nobody can say which are left and right."""
    film, out = b_frames(folder), folder / "eleven.mkv"
    sound = _bytes("sound.raw", np.random.default_rng(2).bytes(11 * 2 * 8000 * 2))(folder)
    maps = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "pcm_s16le")
    barcode.ffmpeg("-i", film, "-f", "s16le", "-ar", "8000", "-ac", "11", "-i", sound, *maps, out)
    return out


def playlist(folder: Path) -> Path:
    """A playlist that names a local file: following it would hand one file's content to another's owner."""
    segment = remux(b_frames(folder), "segment.ts")
    path = folder / "list.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{segment}\n#EXT-X-ENDLIST\n")
    return path


def file_list(folder: Path) -> Path:
    made = b_frames(folder)
    path = folder / "list.ffconcat"
    path.write_text(f"ffconcat version 1.0\nfile {made.name}\n")
    return path


# Name → (factory, a phrase of the refusal).
BROKEN: dict[str, tuple[Factory, str]] = {
    "empty": (_bytes("empty.mp4", b""), "is empty"),
    "web_page": (_bytes("page.mp4", b"<!DOCTYPE html><html><body>Not found</body></html>"), "web page"),
    "json": (_bytes("answer.mp4", b'{"error": "gone"}'), "JSON"),
    "text": (_bytes("notes.txt", b"Just some words, line after line.\n" * 200), "text"),
    "zeros": (_bytes("zeros.mp4", bytes(100_000)), "zero bytes"),
    "noise": (_bytes("noise.mp4", np.random.default_rng(1).bytes(100_000)), "not a readable video"),
    "still_image": (cover_picture, "still image"),
    "audio_only": (audio_only, "only audio"),
    "song_with_cover": (song_with_cover, "only cover art"),
    "without_index": (without_index, "without its index"),
    "undecodable": (undecodable, "without a decodable frame"),
    "huge_sides": (huge_sides, "pixels"),
    "playlist": (playlist, "playlist"),
    "file_list": (file_list, "list of files"),
}


def _cut_short(name: str, share: float, **how: object) -> Factory:
    def make(folder: Path) -> Path:
        made = barcode.write(folder / f"whole_{name}", 100, **how)  # type: ignore[arg-type]
        out = folder / name
        out.write_bytes(made.read_bytes()[: int(made.stat().st_size * share)])
        return out

    return make


def _flipped(name: str, **how: object) -> Factory:
    """Random bytes in the middle of the pictures."""

    def make(folder: Path) -> Path:
        made = barcode.write(folder / f"whole_{name}", 100, **how)  # type: ignore[arg-type]
        data = bytearray(made.read_bytes())
        dice = np.random.default_rng(5)
        for place in dice.integers(len(data) * 4 // 10, len(data) * 6 // 10, 60):
            data[place] ^= int(dice.integers(1, 256))
        out = folder / name
        out.write_bytes(bytes(data))
        return out

    return make


_FIRST_INDEX = {"movflags": "faststart"}
_BUSY = {"preset": "veryfast", "crf": "4", "bf": "3", "g": "25", "sc_threshold": "0"}
_BUSY_HEVC = {"preset": "ultrafast", "crf": "2", "x265-params": "log-level=none:keyint=20"}

DAMAGED: dict[str, Factory] = {
    "short_mp4": _cut_short("short.mp4", 0.6, options=_BUSY, container_options=_FIRST_INDEX, tone_seconds=4),
    "short_mkv": _cut_short("short.mkv", 0.6, options=_BUSY),
    "short_ts": _cut_short("short.ts", 0.6, options=_BUSY),
    "short_hevc": _cut_short(
        "short_hevc.mp4", 0.8, codec="libx265", options=_BUSY_HEVC, container_options=_FIRST_INDEX
    ),
    "flipped_mp4": _flipped("flipped.mp4", options=_BUSY, container_options=_FIRST_INDEX, tone_seconds=4),
    "flipped_mkv": _flipped("flipped.mkv", options=_BUSY),
    "flipped_webm": _flipped("flipped.webm", codec="libvpx-vp9"),
    "flipped_hevc": _flipped("flipped_hevc.mkv", codec="libx265", options=_BUSY_HEVC),
}
