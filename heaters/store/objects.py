"""Where media lie: an object store, S3 or a directory, behind one interface. It does not know what a key means.

What is put is verified before `put` returns; what is fetched is verified before it appears. Doing either again is
harmless. Keys come from `core/keys.py`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from heaters.errors import RuleError, StoreError
from heaters.settings import Settings

Progress = Callable[[int], None]  # told the bytes moved since the last call, maybe from another thread

STREAM_BYTES = 256 * 1024  # a piece of a stream
SMALLEST_COLD_BYTES = 128 * 1024  # S3 bills smaller objects of its colder classes as so large
LONGEST_KEY_BYTES = 900  # S3 allows 1,024, prefix included
DELETE_ROUNDS = 5  # listings in a row that find something to delete where nobody should put anything

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=+@-]*(/[A-Za-z0-9_][A-Za-z0-9_.=+@-]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object that is in the store. `sha256` is of its bytes, 64 hexadecimal digits."""

    key: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a listing."""

    key: str
    size_bytes: int
    modified_at: float = field(compare=False)  # seconds since 1970, by the store's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """How many objects are gone, and their bytes."""

    objects: int = 0
    size_bytes: int = 0

    def __add__(self, other: "Deleted") -> "Deleted":
        return Deleted(objects=self.objects + other.objects, size_bytes=self.size_bytes + other.size_bytes)


class ObjectStore(Protocol):
    """Both stores. Every method raises RuleError for a key that is no key and StoreError when the store fails."""

    def put_file(self, key: str, path: Path, *, progress: Progress | None = None) -> Stored:
        """Store a file's bytes; nothing moves when they are there already. The bytes in the store are verified.

        Another object under that key is replaced at once, never seen half-written. Raises IntegrityError when the
        file changed meanwhile or the store holds other bytes than it was given.
        """

    def put_bytes(self, key: str, data: bytes) -> Stored:
        """Store a few bytes, as `put_file`."""

    def fetch(self, key: str, path: Path, *, progress: Progress | None = None) -> Stored:
        """Write an object to a file that appears whole or not at all. Raises IntegrityError for other bytes."""

    def read(self, key: str) -> bytes:
        """A small object's bytes. Raises IntegrityError for other bytes than were stored."""

    def stat(self, key: str) -> Stored | None:
        """The object of a key; None when there is none."""

    def delete(self, keys: Iterable[str]) -> int:
        """Delete what is there of these objects. Returns the bytes freed."""

    def delete_under(self, prefix: str) -> "Deleted":
        """Delete every object whose key starts with `prefix`, a folder with its '/', until a listing finds none.

        Uploads that never ended go, too. Raises StoreError where something cannot be deleted, or comes again and again.
        """

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """The objects whose keys start with `prefix`, in the order of their keys."""

    def stream(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """Bytes `[start, stop)` of an object in pieces, unverified: for playing, where a wrong byte is only seen."""

    def url(self, key: str, expires_seconds: int = 3600) -> str:
        """Where a browser gets the object, in ranges too: a presigned URL, or file:// for a directory."""

    def local_path(self, key: str) -> Path | None:
        """The object as a file that must not be written to; None when the store is not on this machine."""

    def sweep(self, older_than_seconds: float) -> int:
        """Delete what killed uploads left behind. Returns the number deleted."""

    def check(self) -> None:
        """Write, read and delete a small object. Raises StoreError or IntegrityError."""


def store_of(settings: Settings) -> ObjectStore:
    """The store that the settings name. Touches nothing yet."""
    return open_store(
        settings.store_location, s3_endpoint=settings.s3_endpoint, storage_class=settings.s3_storage_class
    )


def open_store(location: str, *, s3_endpoint: str = "", storage_class: str = "") -> ObjectStore:
    """The store at `location`: s3://bucket/prefix, or a directory (made at the first put). Touches nothing yet.

    `storage_class` is S3's for files of SMALLEST_COLD_BYTES and more; empty: the bucket's own.
    """
    if location.startswith("s3://"):
        from heaters.store.objects_s3 import S3Store  # boto3 takes a third of a second that a directory needs not

        return S3Store(location, endpoint=s3_endpoint, storage_class=storage_class)
    from heaters.store.objects_local import LocalStore

    return LocalStore(Path(location))


def check_folder(prefix: str) -> str:
    """The prefix itself. Raises RuleError for one that is no folder: it would take neighbours along."""
    if not prefix.endswith("/"):
        raise RuleError(f"a folder of keys ends with '/'; got {prefix[:80]!r}")
    check_key(prefix[:-1])
    return prefix


def still_there(prefix: str, location: str, key: str) -> StoreError:
    """What to raise where objects come again as fast as they go."""
    return StoreError(
        f"objects under {prefix} in {location} were deleted {DELETE_ROUNDS} times and others are there, such as {key}: "
        "something puts them meanwhile"
    )


def check_key(key: str) -> str:
    """The key itself. Raises RuleError for one that could leave the store or hide in it."""
    if not _KEY.fullmatch(key) or len(key) > LONGEST_KEY_BYTES:
        raise RuleError(
            "a key is words of letters, digits and '_.=+@-' joined by '/', none starting with a '.', "
            f"at most {LONGEST_KEY_BYTES} bytes; got {key[:80]!r}"
        )
    return key
