"""Files that appear whole or not at all, with their hash checked: what both object stores and the cache write."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heaters.errors import IntegrityError, StoreError
from heaters.store.objects import Progress, Stored

CHUNK_BYTES = 4 * 2**20  # large enough that hashing, not the calls, is the cost


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy(key: str, source: Path, target: Path, progress: Progress | None) -> Stored:
    """Copy a file, to the disk and not only to its cache, hashing what passes. Raises OSError."""
    digest = hashlib.sha256()
    size_bytes = 0
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            writer.write(chunk)
            digest.update(chunk)
            size_bytes += len(chunk)
            if progress:
                progress(len(chunk))
        writer.flush()
        os.fsync(writer.fileno())
    return Stored(key=key, size_bytes=size_bytes, sha256=digest.hexdigest())


def verify(got: Stored, expected: Stored) -> None:
    """Raises IntegrityError unless size and SHA-256 are the expected ones."""
    if got != expected:
        raise IntegrityError(
            f"{expected.key} must hold {expected.size_bytes} bytes with SHA-256 {expected.sha256[:16]}…; "
            f"got {got.size_bytes} bytes with {got.sha256[:16]}…"
        )


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A name for a file in the same folder, to be renamed to `path`; deleted if it is still there at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(action: str, key: str, folder: Path) -> Iterator[None]:
    """Turn an OSError into a StoreError that names the key, the path and the free space."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"could not {action} {key}: {error} ({_free(folder)})") from error


def _free(folder: Path) -> str:
    for place in (folder, *folder.parents):
        try:
            return f"{shutil.disk_usage(place).free} bytes free in {folder}"
        except OSError:
            continue
    return f"free space in {folder} unknown"
