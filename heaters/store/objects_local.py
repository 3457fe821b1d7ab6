"""The object store in a directory: a key is a path below it.

<root>/videos/…       objects, each written beside and renamed into place
<root>/.partial/      files being written
<root>/.sums/<key>    SHA-256, size and change time of the object: believed only while the latter two fit
"""

import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from heaters.errors import StoreError
from heaters.store.files import beside, copy, disk_errors, sha256_of, sync_folder, verify
from heaters.store.objects import (
    DELETE_ROUNDS,
    STREAM_BYTES,
    Deleted,
    Entry,
    Progress,
    Stored,
    check_folder,
    check_key,
    still_there,
)


class LocalStore:
    """An `ObjectStore` in a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def put_file(self, key: str, path: Path, *, progress: Progress | None = None) -> Stored:
        target = self._path(key)
        with disk_errors("store", key, self.root):
            there = self.stat(key)
            if there and there.size_bytes == path.stat().st_size and there.sha256 == sha256_of(path):
                return there
            with self._partial() as partial:
                stored = copy(key, path, partial, progress)
                self._install(partial, target, stored)
        return stored

    def put_bytes(self, key: str, data: bytes) -> Stored:
        stored = Stored(key=check_key(key), size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        with disk_errors("store", key, self.root):
            if self.stat(key) == stored:
                return stored
            with self._partial() as partial:
                with partial.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                self._install(partial, self._path(key), stored)
        return stored

    def fetch(self, key: str, path: Path, *, progress: Progress | None = None) -> Stored:
        there = self._existing(key)
        with disk_errors("fetch", key, path.parent), beside(path) as partial:
            got = copy(key, self._path(key), partial, progress)
            verify(got, there)
            partial.replace(path)
        return there

    def read(self, key: str) -> bytes:
        there = self._existing(key)
        with disk_errors("read", key, self.root):
            data = self._path(key).read_bytes()
        verify(Stored(key=key, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest()), there)
        return data

    def stat(self, key: str) -> Stored | None:
        path = self._path(key)
        with disk_errors("look up", key, self.root):
            try:
                facts = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            known = self._sum(key)
            if known.get("size_bytes") != facts.st_size or known.get("mtime_ns") != facts.st_mtime_ns:
                known = {"sha256": sha256_of(path)}
                self._write_sum(key, str(known["sha256"]), facts)
            return Stored(key=key, size_bytes=facts.st_size, sha256=str(known["sha256"]))

    def delete(self, keys: Iterable[str]) -> int:
        freed = 0
        for key in keys:
            path = self._path(key)
            with disk_errors("delete", key, self.root):
                try:
                    size_bytes = path.stat().st_size
                    path.unlink()
                except (FileNotFoundError, NotADirectoryError):
                    continue
                freed += size_bytes
                for left in (path, self.root / ".sums" / key):
                    left.unlink(missing_ok=True)
                    self._prune(left.parent)
        return freed

    def delete_under(self, prefix: str) -> Deleted:
        deleted = Deleted()
        for _ in range(DELETE_ROUNDS):
            found = list(self.list(check_folder(prefix)))
            if not found:
                return deleted
            freed = self.delete(entry.key for entry in found)
            deleted += Deleted(objects=len(found), size_bytes=freed)
        raise still_there(prefix, str(self.root), found[0].key)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        top = self.root / prefix.rpartition("/")[0]
        found = []
        with disk_errors("list", prefix, self.root):
            for folder, folders, files in os.walk(top):
                folders[:] = [name for name in folders if not name.startswith(".")]
                for path in (Path(folder, name) for name in files):
                    key = path.relative_to(self.root).as_posix()
                    if key.startswith(prefix):
                        with suppress(FileNotFoundError):  # deleted since
                            facts = path.stat()
                            found.append(Entry(key=key, size_bytes=facts.st_size, modified_at=facts.st_mtime))
        yield from sorted(found, key=lambda entry: entry.key)

    def stream(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        self._existing(key)
        with disk_errors("read", key, self.root), self._path(key).open("rb") as file:
            file.seek(start)
            while start < stop and (chunk := file.read(min(STREAM_BYTES, stop - start))):
                start += len(chunk)
                yield chunk

    def url(self, key: str, expires_seconds: int = 3600) -> str:
        del expires_seconds  # whoever may read the file may read it for ever
        return self._path(key).as_uri()

    def local_path(self, key: str) -> Path | None:
        return self._path(key)

    def sweep(self, older_than_seconds: float) -> int:
        oldest = time.time() - older_than_seconds
        deleted = 0
        with disk_errors("sweep", ".partial", self.root):
            for path in (self.root / ".partial").glob("*"):
                with suppress(FileNotFoundError):  # finished or swept by another
                    if path.stat().st_mtime < oldest:
                        path.unlink()
                        deleted += 1
        return deleted

    def check(self) -> None:
        key = f"check/{uuid.uuid4().hex}"
        self.put_bytes(key, b"heaters")
        self.read(key)
        self.delete([key])

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _existing(self, key: str) -> Stored:
        found = self.stat(key)
        if found is None:
            raise StoreError(f"{key} is not in the store at {self.root}")
        return found

    @contextmanager
    def _partial(self) -> Iterator[Path]:
        folder = self.root / ".partial"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / uuid.uuid4().hex
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _install(self, partial: Path, target: Path, stored: Stored) -> None:
        """Check what was written by reading it back, and give it its name, for good."""
        back = Stored(key=stored.key, size_bytes=partial.stat().st_size, sha256=sha256_of(partial))
        verify(back, stored)
        facts = partial.stat()
        while True:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.replace(target)
                break
            except FileNotFoundError:
                if not partial.exists():
                    raise
                # A delete pruned the folder between the two lines.
        sync_folder(target.parent)
        self._write_sum(stored.key, stored.sha256, facts)

    def _sum(self, key: str) -> dict[str, object]:
        try:
            known = json.loads((self.root / ".sums" / key).read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _write_sum(self, key: str, sha256: str, facts: os.stat_result) -> None:
        """Remember a hash. Only saves time: a store that is read-only works without."""
        path = self.root / ".sums" / key
        text = json.dumps({"sha256": sha256, "size_bytes": facts.st_size, "mtime_ns": facts.st_mtime_ns})
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with beside(path) as partial:
                partial.write_text(text)
                partial.replace(path)

    def _prune(self, folder: Path) -> None:
        """Remove a folder and those above it while they are empty."""
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent
