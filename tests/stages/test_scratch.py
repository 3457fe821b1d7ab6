"""Scratch folders go when their stage is done, or when their process is gone."""

import subprocess
import sys
from pathlib import Path

import pytest

from heaters.errors import StoreError, TransientError
from heaters.stages.scratch import remove_stale_dirs, scratch

HOLD = "import sys,time; from pathlib import Path; from heaters.stages.scratch import scratch\n"


def test_folder_is_there_and_then_gone(tmp_path: Path) -> None:
    with scratch(tmp_path, "x") as folder:
        (folder / "file").touch()
    assert not folder.exists()


def test_error_removes_it_unless_a_retry_can_resume(tmp_path: Path) -> None:
    for keep in (False, True):
        with pytest.raises(ValueError, match="broken"), scratch(tmp_path, "x", keep_on_error=keep) as folder:
            raise ValueError("broken")
        assert folder.exists() == keep


def test_folder_in_use_is_refused(tmp_path: Path) -> None:
    with scratch(tmp_path, "x"), pytest.raises(TransientError, match="still working"), scratch(tmp_path, "x"):
        pass


def test_unwritable_root_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot make the scratch folder"), scratch(tmp_path / "file", "x"):
        pass


def test_sweep_takes_what_a_killed_process_left(tmp_path: Path) -> None:
    code = HOLD + "c=scratch(Path(sys.argv[1]),'export-1'); c.__enter__(); print('in',flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "in\n"
        assert remove_stale_dirs(tmp_path) == 0
        child.kill()
    assert remove_stale_dirs(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_sweep_keeps_partial_downloads_for_a_while(tmp_path: Path) -> None:
    (tmp_path / "download-3").mkdir()
    assert remove_stale_dirs(tmp_path) == 0
    assert remove_stale_dirs(tmp_path, now=(tmp_path / "download-3").stat().st_mtime + 30 * 24 * 3600) == 1
