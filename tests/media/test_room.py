"""What a source may become: by its size, its duration and the disk. A proxy that would be too large is left out."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from heaters.errors import StoreError
from heaters.media import room
from heaters.media.prepare import prepare
from heaters.media.room import GROWTH, SMALL_BYTES, Outgrown, Room


def test_room_by_size_and_by_time(source, tmp_path: Path) -> None:
    facts = source("b_frames").probe
    large = replace(facts, size_bytes=10**8, duration_seconds=3600.0)
    assert Room.of(tmp_path, large).most_bytes == GROWTH * 10**8
    assert Room.of(tmp_path, replace(large, duration_seconds=100.0)).most_bytes == 2_500_000_000
    assert Room.of(tmp_path, replace(large, duration_seconds=0.0)).most_bytes == GROWTH * 10**8
    assert Room.of(tmp_path, replace(facts, size_bytes=1000)).most_bytes == SMALL_BYTES


def test_a_source_that_outgrows_its_room_is_refused_by_name(tmp_path: Path) -> None:
    small = Room(folder=tmp_path, most_bytes=2**20, why="10 bytes, 1 s")
    (tmp_path / "a").write_bytes(bytes(2**19))
    small.check()
    (tmp_path / "b").write_bytes(bytes(2**20))
    with pytest.raises(Outgrown, match=r"10 bytes, 1 s may become 1 MiB; it became 2 MiB"):
        small.check()


def test_a_disk_keeps_its_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**19))
    (tmp_path / "a").write_bytes(bytes(2**20))
    with pytest.raises(StoreError, match="full but for its reserve"):
        Room(folder=tmp_path, most_bytes=2**30, why="").check()


def test_a_film_whose_proxy_would_be_too_large_goes_on_without(
    source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = source("b_frames")
    checked = 0

    def check(self: Room) -> None:
        nonlocal checked
        checked += 1
        if (self.folder / "proxy.mp4").exists():
            raise Outgrown("too large")

    monkeypatch.setattr(Room, "check", check)
    made = prepare(film.path, tmp_path, film.probe, threads=2, timeout_seconds=20)
    assert checked
    assert (made.proxy, made.proxy_dropped) == (None, "too large")
    assert made.frame_count == film.prepared.frame_count
    assert not (tmp_path / "proxy.mp4").exists()
