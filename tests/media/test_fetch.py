"""Local sources: what is refused, what is borrowed, and the front door."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from heaters.errors import FetchError, RuleError, SourceRefused
from heaters.media.fetch import FetchLimits, FetchProgress, fetch

LIMITS = FetchLimits(max_bytes=1_000_000, timeout_seconds=20)


def test_a_local_file_is_borrowed_and_hashed(tmp_path: Path) -> None:
    path = tmp_path / "Ein Film.MP4"
    path.write_bytes(b"abc" * 1000)
    seen: list[FetchProgress] = []
    fetched = fetch(str(path), tmp_path / "scratch", limits=LIMITS, on_progress=seen.append)
    assert fetched.path == path
    assert fetched.is_borrowed
    assert fetched.sha256 == hashlib.sha256(b"abc" * 1000).hexdigest()
    assert (fetched.size_bytes, fetched.title, fetched.extension, fetched.strategy) == (3000, "Ein Film", "mp4", "file")
    assert seen == [FetchProgress(downloaded_bytes=3000, total_bytes=3000)]
    assert not (tmp_path / "scratch").exists()


def test_odd_names_stay_data(tmp_path: Path) -> None:
    name = "'\"; drop table 😀 " + "x" * 200
    for file_name, title in [(f"{name}.mov", name), (b"\xff\xfe.mov", "��")]:
        path = os.path.join(os.fsencode(tmp_path), os.fsencode(file_name))  # noqa: PTH118  bytes that are no UTF-8
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(b"x")
        assert fetch(os.fsdecode(path), tmp_path, limits=LIMITS).title == title


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _sized(path: Path, size_bytes: int) -> Path:
    path.touch()
    os.truncate(path, size_bytes)
    return path


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda folder: folder / "none.mp4", "must exist"),
        (lambda folder: _sized(folder / "file", 1) / "below.mp4", "must exist"),
        (lambda folder: folder, "is a directory"),
        (lambda folder: _sized(folder / "empty.mp4", 0), "must not be empty"),
        (lambda folder: _sized(folder / "large.mp4", 1_000_001), "at most 1000000 bytes"),
        (lambda folder: _pipe(folder / "pipe.mp4"), "regular file"),
        (lambda _: Path("/dev/zero"), "regular file"),
        (lambda _: Path("relative.mp4"), "absolute path"),
        (lambda _: Path("/tmp/" + "n" * 300), "can be opened"),
        (lambda _: Path("/tmp/nul\0"), "can be opened"),
    ],
)
def test_what_is_no_usable_file_is_refused(make, rule: str, tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match=rule):
        fetch(str(make(tmp_path)), tmp_path, limits=LIMITS)


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "closed.mp4"
    path.write_bytes(b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads everything (root)")
    with pytest.raises(SourceRefused, match="readable"):
        fetch(str(path), tmp_path, limits=LIMITS)


@pytest.mark.parametrize("change", ["grows", "shrinks", "is rewritten"])
def test_a_file_that_changes_while_it_is_read_fails(change: str, tmp_path: Path) -> None:
    path = tmp_path / "moving.mp4"
    path.write_bytes(bytes(9 * 2**20))

    def disturb(progress: FetchProgress) -> None:
        if progress.downloaded_bytes > 4 * 2**20:
            return
        if change == "shrinks":
            os.truncate(path, 5 * 2**20)
        else:
            with path.open("ab" if change == "grows" else "r+b") as file:
                file.write(b"more")
            os.utime(path, ns=(1, 1))  # whatever the clock's step is, the time differs

    with pytest.raises(FetchError, match="must not change"):
        fetch(str(path), tmp_path, limits=FetchLimits(max_bytes=2**30, timeout_seconds=20), on_progress=disturb)


@pytest.mark.parametrize(
    "source", ["file:///etc/hostname", "ftp://example.org/a.mp4", "rtsp://example.org/a", "data://x"]
)
def test_other_schemes_are_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="only http and https"):
        fetch(source, tmp_path, limits=LIMITS)


def test_limits_hide_their_secrets_and_hold_their_rules() -> None:
    limits = FetchLimits(max_bytes=1, timeout_seconds=1, cookies_file="/geheim", proxy_url="http://u:geheim@proxy")
    assert "geheim" not in repr(limits)
    with pytest.raises(RuleError):
        FetchLimits(max_bytes=0, timeout_seconds=1)


def test_what_progress_raises_stops_the_read(tmp_path: Path) -> None:
    path = _sized(tmp_path / "a.mp4", 100)
    stop = threading.Event()

    def refuse(_: FetchProgress) -> None:
        stop.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(str(path), tmp_path, limits=LIMITS, on_progress=refuse)
    assert stop.is_set()
