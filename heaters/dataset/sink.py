"""Where a dataset is written: a folder or a bucket. Files appear whole, with their bytes verified, or not at all."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from heaters.errors import IntegrityError
from heaters.store.files import beside, disk_errors, sha256_of, sync_folder
from heaters.store.objects import ObjectStore, Stored, open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A file in the making: write it to `path`, then call `done` with its size and SHA-256, and it has its name.

    `done` raises IntegrityError where what is there is not that. Without it the file is gone when the `with` ends.
    """

    path: Path
    done: Callable[[int, str], None]


class Sink(Protocol):
    """An output. Names are relative, parts joined by '/'. Every method raises StoreError when the output fails."""

    location: str

    def draft(self, name: str) -> AbstractContextManager[Draft]:
        """Begin a file."""

    def put_bytes(self, name: str, data: bytes) -> None:
        """Write a small file; nothing is written where it is there already."""

    def read(self, name: str) -> bytes | None:
        """The bytes of a small file, None where there is none."""

    def sizes(self, prefix: str) -> dict[str, int]:
        """The bytes of every file whose name starts with `prefix`."""

    def names(self, prefix: str) -> Iterator[str]:
        """The name of every file that starts with `prefix`, in no order, however many there are."""

    def size(self, name: str) -> int | None:
        """The bytes of a file, None where there is none."""

    def first(self) -> str | None:
        """The name of some file that is not hidden; None where there is none."""

    def delete(self, names: Iterable[str]) -> None:
        """Delete files."""


def open_sink(out: str, *, s3_endpoint: str, scratch: Path) -> Sink:
    """The sink at a folder or an s3:// URL. `scratch` is for files on their way to a bucket."""
    if out.startswith("s3://"):
        return Bucket(out.rstrip("/"), open_store(out.rstrip("/"), s3_endpoint=s3_endpoint), scratch)
    return Folder(Path(out).expanduser().absolute())


class Folder:
    """A `Sink` in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.location = str(root)

    @contextmanager
    def draft(self, name: str) -> Iterator[Draft]:
        path = self.root / name
        with disk_errors("write", name, self.root), beside(path) as written:
            yield Draft(path=written, done=partial(self._done, written, path))

    def put_bytes(self, name: str, data: bytes) -> None:
        if self.read(name) == data:
            return
        with self.draft(name) as draft:
            draft.path.write_bytes(data)
            draft.done(len(data), hashlib.sha256(data).hexdigest())

    def read(self, name: str) -> bytes | None:
        with disk_errors("read", name, self.root):
            path = self.root / name
            return path.read_bytes() if path.is_file() else None

    def sizes(self, prefix: str) -> dict[str, int]:
        found = {}
        with disk_errors("list", prefix, self.root):
            for folder, _, names in os.walk(self.root / prefix.rpartition("/")[0]):
                for path in (Path(folder, name) for name in names):
                    name = path.relative_to(self.root).as_posix()
                    if name.startswith(prefix):
                        found[name] = path.stat().st_size
        return dict(sorted(found.items()))

    def names(self, prefix: str) -> Iterator[str]:
        folders = [self.root / prefix.rpartition("/")[0]]
        with disk_errors("list", prefix, self.root):
            while folders:
                with suppress(FileNotFoundError), os.scandir(folders.pop()) as found:
                    for entry in found:
                        name = Path(entry.path).relative_to(self.root).as_posix()
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(Path(entry.path))
                        elif name.startswith(prefix):
                            yield name

    def size(self, name: str) -> int | None:
        with disk_errors("look up", name, self.root):
            path = self.root / name
            return path.stat().st_size if path.is_file() else None

    def first(self) -> str | None:
        with disk_errors("list", "", self.root):
            if not self.root.exists():
                return None
            return next((path.name for path in sorted(self.root.iterdir()) if not path.name.startswith(".")), None)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            with disk_errors("delete", name, self.root):
                (self.root / name).unlink(missing_ok=True)

    def _done(self, written: Path, path: Path, size_bytes: int, sha256: str) -> None:
        with written.open("rb") as file:
            os.fsync(file.fileno())
        if (written.stat().st_size, sha256_of(written)) != (size_bytes, sha256):
            raise IntegrityError(f"{path} on disk is not what was written: {size_bytes} bytes, {sha256[:16]}…")
        written.replace(path)
        sync_folder(path.parent)


class Bucket:
    """A `Sink` in S3: files are made on this machine, then uploaded, and checked by the server's own checksum."""

    def __init__(self, location: str, store: ObjectStore, scratch: Path) -> None:
        self.location = location
        self._store = store
        self._scratch = scratch

    @contextmanager
    def draft(self, name: str) -> Iterator[Draft]:
        with disk_errors("write", name, self._scratch), beside(self._scratch / "upload") as written:
            yield Draft(path=written, done=partial(self._done, written, name))

    def put_bytes(self, name: str, data: bytes) -> None:
        self._store.put_bytes(name, data)

    def read(self, name: str) -> bytes | None:
        return None if self._store.stat(name) is None else self._store.read(name)

    def sizes(self, prefix: str) -> dict[str, int]:
        return {entry.key: entry.size_bytes for entry in self._store.list(prefix)}

    def names(self, prefix: str) -> Iterator[str]:
        return (entry.key for entry in self._store.list(prefix))

    def size(self, name: str) -> int | None:
        found = self._store.stat(name)
        return None if found is None else found.size_bytes

    def first(self) -> str | None:
        return next((entry.key for entry in self._store.list() if not entry.key.startswith(".")), None)

    def delete(self, names: Iterable[str]) -> None:
        self._store.delete(names)

    def _done(self, written: Path, name: str, size_bytes: int, sha256: str) -> None:
        stored = self._store.put_file(name, written)
        if stored != Stored(key=name, size_bytes=size_bytes, sha256=sha256):
            raise IntegrityError(f"{name} as uploaded is not what was written: {stored}")
