"""Becoming an ordinary account, for real."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from heaters.unprivileged import account_for

SHELL = Path("/bin/sh")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder of ours that everybody may reach; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_root_becomes_somebody_without_rights(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/elsewhere")
    work = open_folder / "work"
    work.mkdir()
    account = account_for(work, SHELL)
    assert account.uid != 0
    assert work.stat().st_uid == account.uid
    assert open_folder.stat().st_uid == 0
    said = account.run(["sh", "-c", "id -u; pwd; grep CapEff /proc/self/status; echo PGDATA=$PGDATA"]).stdout.split()
    assert said == [str(account.uid), "/", "CapEff:", "0000000000000000", "PGDATA="]


def test_a_closed_folder_above_costs_one_capability(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    work = closed / "work"
    work.mkdir(mode=0o700)
    account = account_for(work, SHELL)
    said = account.run(["sh", "-c", f"grep CapEff /proc/self/status; touch {work}/file"]).stdout.split()
    assert said == ["CapEff:", "0000000000000004"]  # CAP_DAC_READ_SEARCH alone
    assert (work / "file").stat().st_uid == account.uid
    assert closed.stat().st_mode & 0o777 == 0o700


def test_the_owner_of_a_folder_is_kept(open_folder: Path) -> None:
    os.chown(open_folder, 65534, 65534)
    account = account_for(open_folder, SHELL)
    assert (account.uid, account.gid) == (65534, 65534)


def test_run_gives_output_and_status(open_folder: Path) -> None:
    done = account_for(open_folder, SHELL).run(["sh", "-c", "echo said; echo why >&2; exit 3"])
    assert (done.stdout, done.returncode) == ("said\nwhy\n", 3)
