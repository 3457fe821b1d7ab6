"""The cache of store objects on one node's disk, shared by all its processes. It holds copies only: whatever is in
it is in the store, so that any of it may go at any time except while somebody holds it.

    <root>/<content>-<sha256><.ext>    an object's bytes, named by the video's hash and its own; its change time is when
                                       it was last used
    <root>/.<random>.partial           being fetched
    <root>/locks/00 … ff               held by whoever fetches an object whose hash starts so
    <root>/locks/used                  the bytes of all files, about; held by whoever makes room
"""

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from heaters.core.keys import content_of
from heaters.errors import StoreError
from heaters.settings import Settings
from heaters.store.files import beside, disk_errors
from heaters.store.objects import ObjectStore, Stored

MAX_BYTES = 200 * 2**30
LARGEST_SHARE = 0.5  # of what the disk would have free without the cache
DAY_SECONDS = 86400
ABANDONED_SECONDS = 3600  # a fetch writes all the time; one this silent was killed
# Of a full cache one file in so many goes at once, so that not each miss looks at all files: 100,000 take 1.8 s.
EMPTIED_PART = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheResult:
    """What came of asking a cache for files. They add up."""

    hits: int = 0
    misses: int = 0
    bytes_moved: int = 0  # from the store to this disk
    bytes_saved: int = 0  # that lay on this disk already; 0 where the store itself is on this machine

    @classmethod
    def of(cls, *held: "Held") -> Self:
        """What came of asking for these."""
        return cls(
            hits=sum(one.hit for one in held),
            misses=sum(not one.hit for one in held),
            bytes_moved=sum(one.bytes_moved for one in held),
            bytes_saved=sum(one.bytes_saved for one in held),
        )

    def __add__(self, other: "CacheResult") -> "CacheResult":
        return CacheResult(
            hits=self.hits + other.hits,
            misses=self.misses + other.misses,
            bytes_moved=self.bytes_moved + other.bytes_moved,
            bytes_saved=self.bytes_saved + other.bytes_saved,
        )

    @property
    def hit_rate(self) -> float:
        """Hits among all; 0 before the first."""
        return self.hits / max(1, self.hits + self.misses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An object as a file, there as long as it is held. Not to be written to."""

    path: Path
    hit: bool
    bytes_moved: int
    bytes_saved: int


@dataclass(slots=True, kw_only=True)
class _Used:
    """The bytes of all files; None: nobody counted yet."""

    bytes: int | None


class Cache:
    """Least recently used goes first. Threads and processes may share a folder."""

    def __init__(self, root: Path, max_bytes: int = MAX_BYTES, max_days: int = 0) -> None:
        """`max_days`: what nobody used for so long goes by `forget_old`; 0: nothing does."""
        self.root = root
        self.max_bytes = max_bytes
        self.max_days = max_days
        self._result = CacheResult()
        self._guard = threading.Lock()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The cache of this node."""
        return cls(settings.cache, int(settings.cache_gib * 2**30), settings.cache_days)

    @property
    def result(self) -> CacheResult:
        """What this object has done so far."""
        return self._result

    @contextmanager
    def hold(self, store: ObjectStore, key: str) -> Iterator[Held]:
        """An object as a local file for the length of the block; the store's own file where it has one.

        Raises StoreError when there is no such object or no room, IntegrityError when its bytes are wrong.
        """
        own = store.local_path(key)
        if own is not None:
            if not own.exists():
                raise StoreError(f"{key} is not in the store: no file {own}")
            yield self._count(Held(path=own, hit=True, bytes_moved=0, bytes_saved=0))
            return
        there = store.stat(key)
        if there is None:
            raise StoreError(f"{key} is not in the store")
        path = self._path(there)
        bytes_moved = 0
        with disk_errors("cache", key, self.root):
            # Whoever evicts needs the file's lock alone, so once we share it the file stays.
            while (descriptor := _share(path)) is None:
                bytes_moved += self._fetch(store, there, path)
        hit = bytes_moved == 0
        saved = there.size_bytes if hit else 0
        try:
            yield self._count(Held(path=path, hit=hit, bytes_moved=bytes_moved, bytes_saved=saved))
        finally:
            os.close(descriptor)

    def keep(self, store: ObjectStore, stored: Stored, path: Path) -> None:
        """Cache a file that was just put, so that the next stage on this node need not fetch it.

        Does nothing for a store on this machine. `path` stays and may be deleted, but not written to.
        """
        if store.local_path(stored.key) is not None:
            return
        target = self._path(stored)
        with disk_errors("cache", stored.key, self.root), self._fetching(stored):
            if target.exists():
                return
            self._make_room(stored.size_bytes)
            with beside(target) as partial:
                try:
                    partial.hardlink_to(path)
                except OSError:  # another file system
                    shutil.copyfile(path, partial)
                partial.replace(target)

    def _path(self, stored: Stored) -> Path:
        content = content_of(stored.key)
        return self.root / f"{content}{'-'[: len(content)]}{stored.sha256}{PurePosixPath(stored.key).suffix}"

    def _fetch(self, store: ObjectStore, there: Stored, path: Path) -> int:
        """Fetch an object unless another process has done so meanwhile. Returns the bytes moved."""
        with self._fetching(there):
            if path.exists():
                return 0
            self._make_room(there.size_bytes)
            store.fetch(there.key, path)
            return there.size_bytes

    @contextmanager
    def _fetching(self, stored: Stored) -> Iterator[None]:
        """Held by one process per object; a few objects share a lock, so that there are not more and more of them."""
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / stored.sha256[:2], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def forget(self, contents: Collection[str]) -> int:
        """Delete the files of some videos, by their hashes, also while somebody holds them. Returns how many."""
        gone = 0
        if not self.root.exists():
            return gone
        with disk_errors("forget", "videos", self.root):
            for entry in os.scandir(self.root):
                # Before there were names by video, a master's file had its hash, which is the video's.
                if entry.name[:64] in contents:
                    Path(entry.path).unlink(missing_ok=True)
                    gone += 1
        return gone

    def forget_old(self) -> int:
        """Delete what nobody has used for `max_days`, or holds. Returns how many."""
        gone = 0
        if self.max_days == 0 or not self.root.exists():
            return gone
        before = time.time() - self.max_days * DAY_SECONDS
        with disk_errors("forget", "old files", self.root):
            for entry in os.scandir(self.root):
                with suppress(FileNotFoundError):  # somebody else deletes too
                    if entry.is_file() and entry.stat().st_mtime < before:
                        gone += _evict(Path(entry.path))
        return gone

    def _make_room(self, size_bytes: int) -> None:
        """See to it that `size_bytes` more fit, as long as there is anything to delete, and count them as used."""
        with self._used() as used:
            if used.bytes is None or used.bytes + size_bytes > self._allowed_bytes(used.bytes):
                used.bytes = self._empty(size_bytes)
            used.bytes += size_bytes

    def _allowed_bytes(self, used_bytes: int) -> float:
        return min(self.max_bytes, LARGEST_SHARE * (shutil.disk_usage(self.root).free + used_bytes))

    def _empty(self, size_bytes: int) -> int:
        """Delete what was used longest ago and nobody holds; returns the bytes of what is left.

        Nothing goes where `size_bytes` more fit: the count was too high, because a fetch failed or somebody deleted.
        """
        now = time.time()
        files: list[tuple[float, int, Path]] = []
        used_bytes = 0
        for path in self.root.iterdir():
            with suppress(FileNotFoundError):  # somebody else deletes too
                facts = path.stat()
                if path.is_dir():
                    continue
                used_bytes += facts.st_size
                if path.suffix != ".partial" or now - facts.st_mtime > ABANDONED_SECONDS:
                    files.append((facts.st_mtime, facts.st_size, path))
        allowed_bytes = self._allowed_bytes(used_bytes)
        if used_bytes + size_bytes <= allowed_bytes:
            return used_bytes
        for number, (_, freed_bytes, path) in enumerate(sorted(files)):
            if used_bytes + size_bytes <= allowed_bytes and number >= len(files) // EMPTIED_PART:
                break
            if _evict(path):
                used_bytes -= freed_bytes
        return used_bytes

    @contextmanager
    def _used(self) -> Iterator["_Used"]:
        """The count of bytes, for this process alone until the end of the block."""
        descriptor = os.open(self.root / "locks" / "used", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            text = os.pread(descriptor, 32, 0)
            used = _Used(bytes=int(text) if text.strip().isdigit() else None)
            yield used
            # Always as long as before: a process that is killed leaves the old number or the new one.
            os.pwrite(descriptor, b"%031d\n" % (used.bytes or 0), 0)
        finally:
            os.close(descriptor)

    def _count(self, held: Held) -> Held:
        with self._guard:
            self._result += CacheResult.of(held)
        return held


def _share(path: Path) -> int | None:
    """Mark a file as used now and in use until the descriptor is closed. None when it is not there (any more)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    with suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            os.utime(descriptor)
            return descriptor
    os.close(descriptor)  # evicted between opening and locking
    return None


def _evict(path: Path) -> bool:
    """Delete a file unless somebody holds it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
