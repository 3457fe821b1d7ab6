"""Encrypted film is refused by name, whatever its container; film beside it is not."""

from pathlib import Path

import barcode
import flashes
import pytest
from sources import B_FRAMES

from heaters.errors import MediaError
from heaters.media.probe import probe

KEY, KEY_ID = "00112233445566778899aabbccddeeff", "112233445566778899aabbccddeeff00"
COMMON = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KEY_ID)


def refused(path: Path) -> None:
    with pytest.raises(MediaError, match=r"is encrypted \(DRM\)"):
        probe(path)


@pytest.mark.parametrize("more", [(), ("-movflags", "frag_keyframe+empty_moov")], ids=["plain", "fragments"])
def test_common_encryption(tmp_path: Path, more: tuple[str, ...]) -> None:
    film = barcode.write(tmp_path / "film.mp4", 50, options=B_FRAMES)
    barcode.ffmpeg("-i", film, "-c", "copy", *COMMON, *more, tmp_path / "encrypted.mp4")
    refused(tmp_path / "encrypted.mp4")
    assert probe(film).codec == "h264"


def test_fairplay(tmp_path: Path) -> None:
    data = barcode.write(tmp_path / "film.mp4", 50, options=B_FRAMES).read_bytes()
    assert data.count(b"avc1") >= 1
    at = data.index(b"avc1", data.index(b"stsd"))
    (tmp_path / "film.m4v").write_bytes(data[:at] + b"drmi" + data[at + 4 :])
    refused(tmp_path / "film.m4v")


def scrambled(path: Path, pids: set[int]) -> Path:
    """The packets of these streams of a transport stream say that they are scrambled, and are."""
    data = bytearray(path.read_bytes())
    for at in range(0, len(data), 188):
        pid = int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF
        if pid in pids and data[at + 3] & 0x10:
            data[at + 3] |= 0x80
    out = path.with_name(f"scrambled_{path.name}")
    out.write_bytes(data)
    return out


def test_a_scrambled_transport_stream(tmp_path: Path) -> None:
    film = flashes.film(tmp_path / "film.ts", 50)
    assert probe(film).has_audio
    refused(scrambled(film, {0x100}))
    refused(scrambled(film, {0x101}))


def test_a_scrambled_dvd(tmp_path: Path) -> None:
    film = tmp_path / "film.vob"
    made = ("-f", "lavfi", "-i", "testsrc=d=1:r=25:s=320x240", "-c:v", "mpeg2video", "-q:v", "3")
    barcode.ffmpeg(*made, "-f", "vob", film)
    assert probe(film).codec == "mpeg2video"
    data = bytearray(film.read_bytes())
    at = data.find(b"\x00\x00\x01\xe0")
    while at >= 0:
        data[at + 6] |= 0x10
        at = data.find(b"\x00\x00\x01\xe0", at + 6)
    film.write_bytes(data)
    refused(film)


def test_an_encrypted_windows_media_file(tmp_path: Path) -> None:
    film = tmp_path / "film.wmv"
    barcode.ffmpeg("-f", "lavfi", "-i", "testsrc=d=1:r=25:s=320x240", "-c:v", "wmv2", film)
    assert probe(film).codec == "wmv2"
    data = film.read_bytes()
    # An object of 34 bytes after the header's own 30; the header's size and its count of objects grow with it.
    body = bytes.fromhex("14e68a292226174cb935dae07ee9289c") + (34).to_bytes(8, "little") + bytes(10)
    size, count = int.from_bytes(data[16:24], "little") + 34, int.from_bytes(data[24:28], "little") + 1
    made = data[:16] + size.to_bytes(8, "little") + count.to_bytes(4, "little") + data[28:30] + body + data[30:]
    film.write_bytes(made)
    refused(film)
