"""Folders that nobody else enters."""

import os
import tempfile
from pathlib import Path

import pytest

from heaters.errors import ConfigError
from heaters.private import LONGEST_SOCKET_PATH_BYTES, home_folder, private_folder, ray_folder

SOCKET = "session_2026-12-01_00-01-12_559535_4194304/sockets/plasma_store"


def test_a_home_is_closed_to_others(tmp_path: Path) -> None:
    assert home_folder(tmp_path / "new" / "home").stat().st_mode & 0o777 == 0o700
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o775)
    assert home_folder(shared).stat().st_mode & 0o777 == 0o770  # of a group, as whoever made it wanted


def test_a_link_or_an_open_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    for name in ("link", "open"):
        with pytest.raises(ConfigError, match="mode 0700"):
            private_folder(tmp_path / name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder away")
def test_somebody_else_s_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    os.chown(tmp_path / "theirs", 65534, 65534)
    with pytest.raises(ConfigError, match="mode 0700"):
        private_folder(tmp_path / "theirs")


@pytest.mark.parametrize("length", [1, 40, 120])
def test_ray_has_a_private_folder_short_enough_for_its_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        folder = ray_folder(Path(short) / ("x" * length))
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        assert len(f"{folder}/{SOCKET}") <= LONGEST_SOCKET_PATH_BYTES
