"""Which streams of a transport stream belong together, by its own tables."""

from pathlib import Path

import barcode
from hypothesis import given
from hypothesis import strategies as st

from heaters.media.programmes import programmes_of


def two_programmes(folder: Path) -> Path:
    film = barcode.write(folder / "film.mp4", 25, tone_seconds=1)
    maps = ("-map", "0:v", "-map", "0:a", "-map", "0:v", "-map", "0:a", "-c", "copy")
    numbers = ("-program", "program_num=7:st=0:st=1", "-program", "program_num=9:st=2:st=3:st=1")
    out = folder / "two.ts"
    barcode.ffmpeg("-i", film, *maps, *numbers, out)
    return out


EXPECTED = {0x100: (7,), 0x101: (7, 9), 0x102: (9,), 0x103: (9,)}


def test_each_stream_knows_its_programmes(tmp_path: Path) -> None:
    assert programmes_of(two_programmes(tmp_path)) == EXPECTED


def test_also_with_a_time_code_before_each_packet(tmp_path: Path) -> None:
    """As cameras write them (M2TS: 192 bytes)."""
    plain = two_programmes(tmp_path).read_bytes()
    coded = tmp_path / "coded.m2ts"
    coded.write_bytes(b"".join(b"\0\0\0\0" + plain[at : at + 188] for at in range(0, len(plain), 188)))
    assert programmes_of(coded) == EXPECTED


def test_a_table_longer_than_a_packet_is_put_together(tmp_path: Path) -> None:
    film = barcode.write(tmp_path / "film.mp4", 25, tone_seconds=1)
    maps = [part for _ in range(30) for part in ("-map", "0:a")]
    out = tmp_path / "many.ts"
    barcode.ffmpeg("-i", film, "-map", "0:v", *maps, "-c", "copy", "-metadata:s:a", "language=eng", out)
    assert programmes_of(out) == dict.fromkeys(range(0x100, 0x100 + 31), (1,))


def test_what_is_no_transport_stream_states_none(tmp_path: Path) -> None:
    path = tmp_path / "other.bin"
    for data in (b"", bytes(5000), b"G" * 5000):
        path.write_bytes(data)
        assert programmes_of(path) == {}


@given(st.data())
def test_a_damaged_table_is_survived(tmp_path_factory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = two_programmes_once(folder)
    content = bytearray(path.read_bytes()[: 188 * 20])
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "broken.ts"
    path.write_bytes(bytes(content))
    for pid, numbers in programmes_of(path).items():
        assert 0 <= pid < 0x2000
        assert all(0 <= number < 0x10000 for number in numbers)


_made: list[bytes] = []


def two_programmes_once(folder: Path) -> Path:
    if not _made:
        _made.append(two_programmes(folder).read_bytes())
    path = folder / "whole.ts"
    path.write_bytes(_made[0])
    return path
