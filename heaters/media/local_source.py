"""A source that is a file on this machine: checked and hashed in one read, never copied.

Borrowing is the cheaper choice: the object store copies the file once anyway, and verifies what it copied against the
hash computed here, so that a change in between is found too.
"""

import hashlib
import os
import stat
from pathlib import Path

from heaters.core.names import path_of, readable
from heaters.errors import FetchError, SourceRefused
from heaters.media.fetched import Fetched, FetchLimits, FetchProgress, OnProgress

_BLOCK_BYTES = 4 * 2**20


def fetch_local(source: str, *, limits: FetchLimits, on_progress: OnProgress | None = None) -> Fetched:
    """Check and hash a local file.

    Raises SourceRefused for what is missing, unreadable, empty, too large or no regular file; FetchError for a file
    that changes while it is read, or that the disk fails to read.
    """
    path = Path(path_of(source))
    if not path.is_absolute():
        raise SourceRefused(f"a local source is an absolute path; got {source!r}")
    descriptor = _open(path)
    try:
        before = os.fstat(descriptor)
        _check(path, before, limits)
        digest, size_bytes = _read(descriptor, path, before.st_size, on_progress)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if (before.st_size, before.st_mtime_ns) != (
        after.st_size,
        after.st_mtime_ns,
    ) or size_bytes != after.st_size:
        raise FetchError(
            f"a source must not change while it is read; {path} went from {before.st_size} to {after.st_size} bytes "
            "or was written to (is it still being copied?)"
        )
    return Fetched(
        path=path,
        sha256=digest,
        size_bytes=size_bytes,
        title=readable(path.stem),
        extension=path.suffix.lstrip(".").lower(),
        strategy="file",
        is_borrowed=True,
        provenance={"extractor": "file", "modified_ns": before.st_mtime_ns},
    )


def _open(path: Path) -> int:
    try:
        # Without O_NONBLOCK, opening a FIFO that nobody writes to would wait for ever.
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise SourceRefused(f"a source must exist; {path} does not") from None
    except PermissionError:
        raise SourceRefused(f"a source must be readable by this user; {path} is not") from None
    except (OSError, ValueError) as error:  # a name too long, a loop of links, a socket; a NUL inside
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceRefused(f"a source must be a file that can be opened; {str(path)[:200]!r}: {reason}") from error


def _check(path: Path, facts: os.stat_result, limits: FetchLimits) -> None:
    if not stat.S_ISREG(facts.st_mode):
        kind = "a directory" if stat.S_ISDIR(facts.st_mode) else "a device, pipe or socket"
        raise SourceRefused(f"a source must be a regular file; {path} is {kind}")
    if facts.st_size == 0:
        raise SourceRefused(f"a source must not be empty; {path} has 0 bytes")
    if facts.st_size > limits.max_bytes:
        raise SourceRefused(
            f"a source may have at most {limits.max_bytes} bytes (HEATERS_MAX_SOURCE_GIB); {path} has {facts.st_size}"
        )


def _read(descriptor: int, path: Path, total_bytes: int, on_progress: OnProgress | None) -> tuple[str, int]:
    digest = hashlib.sha256()
    block = memoryview(bytearray(_BLOCK_BYTES))
    done_bytes = 0
    try:
        while count := os.readv(descriptor, [block]):
            digest.update(block[:count])
            done_bytes += count
            if on_progress:
                on_progress(FetchProgress(downloaded_bytes=done_bytes, total_bytes=total_bytes))
            if done_bytes > total_bytes:
                break  # it grows while it is read: the caller compares
    except OSError as error:
        raise FetchError(
            f"reading {path} failed after {done_bytes} of {total_bytes} bytes: {error.strerror}"
        ) from error
    return digest.hexdigest(), done_bytes
