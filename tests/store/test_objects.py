"""One contract for both object stores: a directory, and an S3 server on loopback."""

import hashlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from heaters.errors import IntegrityError, RuleError, StoreError
from heaters.store.objects import Deleted, Entry, ObjectStore, Stored, open_store

DATA = bytes(range(256)) * 400


def stored(key: str, data: bytes) -> Stored:
    return Stored(key=key, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "local":
        return open_store(str(tmp_path / "store"))
    endpoint: str = request.getfixturevalue("s3_endpoint")
    return open_store(request.getfixturevalue("s3_location"), s3_endpoint=endpoint)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(DATA)
    return path


def test_put_file_then_fetch(store: ObjectStore, file: Path, tmp_path: Path) -> None:
    moved: list[int] = []
    put = store.put_file("videos/a/source.mp4", file, progress=moved.append)
    assert put == stored("videos/a/source.mp4", DATA) == store.stat("videos/a/source.mp4")
    assert sum(moved) == len(DATA)
    moved.clear()
    target = tmp_path / "new folder" / "copy.bin"
    assert store.fetch("videos/a/source.mp4", target, progress=moved.append) == put
    assert target.read_bytes() == DATA
    assert sum(moved) == len(DATA)
    assert [path.name for path in target.parent.iterdir()] == ["copy.bin"]


def test_put_bytes_then_read(store: ObjectStore) -> None:
    assert store.put_bytes("a/b.npz", b"hello") == stored("a/b.npz", b"hello")
    assert store.read("a/b.npz") == b"hello"
    assert store.put_bytes("a/empty", b"") == stored("a/empty", b"")
    assert store.read("a/empty") == b""


def test_put_again_moves_nothing(store: ObjectStore, file: Path) -> None:
    first = store.put_file("a/b", file)
    moved: list[int] = []
    assert store.put_file("a/b", file, progress=moved.append) == first
    assert moved == []


def test_put_replaces_other_bytes(store: ObjectStore, file: Path) -> None:
    store.put_bytes("a/b", b"before")
    assert store.put_file("a/b", file) == stored("a/b", DATA)
    assert store.read("a/b") == DATA
    store.put_bytes("a/b", b"after")
    assert store.read("a/b") == b"after"
    assert store.stat("a/b") == stored("a/b", b"after")


def test_what_is_not_there(store: ObjectStore, tmp_path: Path) -> None:
    assert store.stat("a/b") is None
    assert list(store.list()) == []
    assert store.delete(["a/b"]) == 0
    with pytest.raises(StoreError, match="a/b is not in the store"):
        store.read("a/b")
    with pytest.raises(StoreError, match="a/b is not in the store"):
        store.fetch("a/b", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    with pytest.raises(StoreError, match=r"c/d: .*nothing\.bin"):
        store.put_file("c/d", tmp_path / "nothing.bin")


def test_delete_frees_bytes(store: ObjectStore) -> None:
    for key in ("a/b/1", "a/b/2", "a/c"):
        store.put_bytes(key, b"12345")
    assert store.delete(["a/b/1", "a/b/2", "a/b/3"]) == 10
    assert store.stat("a/b/1") is None
    assert list(store.list()) == [Entry(key="a/c", size_bytes=5, modified_at=0)]
    assert abs(next(store.list()).modified_at - time.time()) < 60
    store.put_bytes("a/b/1", b"again")
    assert store.read("a/b/1") == b"again"


def test_list_is_ordered_by_key(store: ObjectStore) -> None:
    for key in ("videos/b/x", "videos/a-1/x", "videos/a/x", "videos/a/y", "clips/z"):
        store.put_bytes(key, key.encode())
    assert [entry.key for entry in store.list("videos/a")] == ["videos/a-1/x", "videos/a/x", "videos/a/y"]
    assert [entry.key for entry in store.list("videos/a/")] == ["videos/a/x", "videos/a/y"]
    assert [entry.key for entry in store.list()] == [
        "clips/z", "videos/a-1/x", "videos/a/x", "videos/a/y", "videos/b/x",
    ]  # fmt: skip


NO_KEYS = ("", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".sums/a", "a\0b", "ä", "a" * 901)


def test_no_key_leaves_the_store(store: ObjectStore, file: Path) -> None:
    actions: list[Callable[[str], object]] = [
        store.stat, store.read, store.url, store.local_path, lambda key: store.delete([key]),
        lambda key: store.put_file(key, file), lambda key: store.put_bytes(key, b""),
        lambda key: store.fetch(key, file),
    ]  # fmt: skip
    for key in NO_KEYS:
        for action in actions:
            with pytest.raises(RuleError, match="a key is words"):
                action(key)


def test_url_serves_the_bytes(store: ObjectStore) -> None:
    store.put_bytes("a/b.mp4", DATA)
    with urllib.request.urlopen(store.url("a/b.mp4", 60)) as answer:
        assert answer.read() == DATA
    path = store.local_path("a/b.mp4")
    assert path is None or path.read_bytes() == DATA


def test_other_bytes_are_never_handed_out(store: ObjectStore, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    store.put_bytes("a/b", DATA)
    there = store.stat("a/b")
    assert there is not None
    spoil(store, there, DATA[:-1] + b"!", request)
    with pytest.raises(IntegrityError, match="a/b must hold 102400 bytes"):
        store.read("a/b")
    with pytest.raises(IntegrityError, match="a/b must hold 102400 bytes"):
        store.fetch("a/b", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def spoil(store: ObjectStore, there: Stored, data: bytes, request: pytest.FixtureRequest) -> None:
    """Change the bytes behind the store's back, as a failing disk would: what it knows of them stays."""
    path = store.local_path(there.key)
    if path is not None:
        facts = path.stat()
        path.write_bytes(data)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        return
    location = urlsplit(request.getfixturevalue("s3_location"))
    client = boto3.client("s3", endpoint_url=request.getfixturevalue("s3_endpoint"), region_name="us-east-1")
    key = f"{location.path.strip('/')}/{there.key}"
    client.put_object(Bucket=location.netloc, Key=key, Body=data, Metadata={"sha256": there.sha256})


PUT = """
import sys
from collections.abc import Callable
from pathlib import Path
from heaters.errors import StoreError
from heaters.store.objects import open_store
location, endpoint, path = sys.argv[1:]
store = open_store(location, s3_endpoint=endpoint)
for _ in range(5):
    try:
        store.put_file("same", Path(path))
    except StoreError as error:
        assert "another writer" in str(error)
"""


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_several_processes_put_at_once(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    location = str(tmp_path / "store") if kind == "local" else request.getfixturevalue("s3_location")
    endpoint = "" if kind == "local" else request.getfixturevalue("s3_endpoint")
    writers = []
    for n, name in enumerate("ab"):
        path = tmp_path / f"{n}"
        path.write_bytes(name.encode() * 3_000_000)
        writers.append(subprocess.Popen([sys.executable, "-c", PUT, location, endpoint, str(path)]))
    assert [writer.wait(60) for writer in writers] == [0, 0]
    store = open_store(location, s3_endpoint=endpoint)
    assert store.read("same") in (b"a" * 3_000_000, b"b" * 3_000_000)
    there = store.stat("same")
    assert there is not None
    assert there.sha256 == hashlib.sha256(store.read("same")).hexdigest()
    assert [entry.key for entry in store.list()] == ["same"]


def test_check(store: ObjectStore) -> None:
    store.check()
    assert list(store.list()) == []


def test_sweep_keeps_what_is_recent(store: ObjectStore) -> None:
    store.put_bytes("a/b", b"kept")
    assert store.sweep(0) == 0
    assert store.read("a/b") == b"kept"


def test_a_folder_is_deleted_and_its_neighbours_stay(store: ObjectStore) -> None:
    for key in ("a/b/one", "a/b/deeper/two", "a/bc/other", "a/b.txt"):
        store.put_bytes(key, b"12345")
    assert store.delete_under("a/b/") == Deleted(objects=2, size_bytes=10)
    assert [entry.key for entry in store.list()] == ["a/b.txt", "a/bc/other"]
    assert store.delete_under("a/b/") == Deleted()
    assert store.stat("a/b/one") is None
    for prefix in ("a/b", "", "/", "../", "a/../b/"):
        with pytest.raises(RuleError):
            store.delete_under(prefix)
    assert len(list(store.list())) == 2
