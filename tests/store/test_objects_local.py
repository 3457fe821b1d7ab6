"""What only a directory can suffer: killed writers, full and closed disks, files changed behind its back."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from heaters.errors import StoreError
from heaters.store.objects_local import LocalStore

# Puts a file and stops for ever in the middle, saying so.
STUCK = """
import sys, time
from pathlib import Path
from heaters.store.objects_local import LocalStore
def stop(moved):
    print("writing", flush=True)
    time.sleep(600)
LocalStore(Path(sys.argv[1])).put_file("a/b", Path(sys.argv[2]), progress=stop)
"""


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def test_a_killed_put_leaves_no_object(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(10_000_000))
    command = [sys.executable, "-c", STUCK, str(store.root), str(tmp_path / "file")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        assert store.sweep(3600) == 0
        writer.kill()
    assert store.stat("a/b") is None
    assert list(store.list()) == []
    assert store.sweep(0) == 1
    assert not list((store.root / ".partial").iterdir())
    store.put_file("a/b", tmp_path / "file")
    assert store.read("a/b") == (tmp_path / "file").read_bytes()


def test_a_full_disk_is_named(small_disk: Path, tmp_path: Path) -> None:
    store = LocalStore(small_disk / "store")
    store.put_bytes("a/small", b"kept")
    (tmp_path / "file").write_bytes(os.urandom(2_000_000))
    with pytest.raises(StoreError, match=r"could not store a/b: .*No space left on device .*\d+ bytes free in .*store"):
        store.put_file("a/b", tmp_path / "file")
    assert [entry.key for entry in store.list()] == ["a/small"]
    assert not list((store.root / ".partial").iterdir())  # its room is given back
    store.put_bytes("a/c", os.urandom(500_000))
    large = LocalStore(tmp_path / "large")
    large.put_file("a/b", tmp_path / "file")
    with pytest.raises(StoreError, match=r"could not fetch a/b"):
        large.fetch("a/b", small_disk / "copy")
    assert not (small_disk / "copy").exists()


def test_a_read_only_disk_is_named(small_disk: Path) -> None:
    store = LocalStore(small_disk / "store")
    store.put_bytes("a/b", b"kept")
    (store.root / ".sums" / "a" / "b").unlink()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert store.read("a/b") == b"kept"  # reading needs no writing
    with pytest.raises(StoreError, match=r"could not store c: .*Read-only file system"):
        store.put_bytes("c", b"new")
    with pytest.raises(StoreError, match=r"could not delete a/b: .*Read-only file system"):
        store.delete(["a/b"])


def test_a_limit_on_files_is_named(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(2_000_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(StoreError, match=r"could not store a/b: .*File too large"):
            store.put_file("a/b", tmp_path / "file")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.stat("a/b") is None


def test_a_place_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = LocalStore(tmp_path / "file" / "store")
    assert store.stat("a") is None
    with pytest.raises(StoreError, match=r"could not store a: .*Not a directory"):
        store.put_bytes("a", b"")


def test_a_file_changed_by_a_person_is_hashed_again(store: LocalStore) -> None:
    store.put_bytes("a", b"before")
    (store.root / "a").write_bytes(b"after a while")
    there = store.stat("a")
    assert there is not None
    assert there.size_bytes == 13
    assert store.read("a") == b"after a while"


def test_deleting_leaves_no_empty_folders(store: LocalStore) -> None:
    store.put_bytes("a/b/c/d", b"1")
    store.put_bytes("a/e", b"1")
    store.delete(["a/b/c/d"])
    assert sorted(path.name for path in store.root.rglob("*")) == [".partial", ".sums", "a", "a", "e", "e"]
