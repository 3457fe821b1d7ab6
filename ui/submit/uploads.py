"""Files that people send: streamed to disk within limits, submitted, and deleted once the store holds their bytes."""

import re
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from anyio import to_thread

from heaters.errors import IntegrityError, MediaError, SourceRefused, StoreError
from heaters.store.db import Database
from heaters.store.queries import query

# What must stay free on the disk that uploads go to.
RESERVE_BYTES = 2**30
REFUSED = [kind.__name__ for kind in (SourceRefused, MediaError, IntegrityError)]
WRITE_BYTES = 4 * 2**20


class Uploads:
    """Keeps uploads under `root`, each in a folder of its own, so that two may have the same name."""

    def __init__(self, root: Path, database: Database, *, max_bytes: int) -> None:
        self.root = root
        self.max_bytes = max_bytes
        self._database = database

    async def receive(self, name: str, size_bytes: int | None, chunks: AsyncIterator[bytes]) -> Path:
        """Write a file as it comes; nothing of it stays when it does not come whole.

        Raises SourceRefused for one that is empty, too large or larger than it was said to be, StoreError when the
        disk is full or fails.
        """
        self._check(size_bytes or 0)
        folder = self.root / uuid.uuid4().hex
        path = folder / safe(name)
        try:
            folder.mkdir(parents=True, mode=0o700)
            received = await self._write(path, chunks)
            if received == 0 or (size_bytes is not None and received != size_bytes):
                raise SourceRefused(f"{path.name} came with {received} bytes of {size_bytes or 'some'}")
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise StoreError(f"{path.name} could not be written: {error.strerror}") from error
            raise
        return path

    async def _write(self, path: Path, chunks: AsyncIterator[bytes]) -> int:
        received = 0
        pending = bytearray()
        with path.open("xb") as file:
            async for chunk in chunks:
                received += len(chunk)
                if received > self.max_bytes:
                    self._check(received)
                pending += chunk
                if len(pending) >= WRITE_BYTES:
                    await to_thread.run_sync(file.write, bytes(pending))
                    pending.clear()
                    self._check(0)
            await to_thread.run_sync(file.write, bytes(pending))
        return received

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self.max_bytes:
            raise SourceRefused(f"a source has at most {self.max_bytes:,} bytes (HEATERS_MAX_SOURCE_GIB)")
        self.root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.root).free
        if free - size_bytes < RESERVE_BYTES:
            raise StoreError(f"the disk of {self.root} has {free:,} bytes left, too few for {size_bytes:,} more")

    def forget(self, path: Path) -> None:
        """Delete an upload that is not needed."""
        shutil.rmtree(path.parent, ignore_errors=True)

    def sweep(self) -> int:
        """Delete the uploads whose bytes the store holds by now, or that were refused for good. Returns how many."""
        with self._database.transaction() as tx:
            rows = tx.execute(query("finished_uploads"), {"folder": f"{self.root}/", "refused": REFUSED}).fetchall()
        count = 0
        for row in rows:
            path = Path(row["source"])
            if path.parent.parent == self.root and path.parent.exists():
                self.forget(path)
                count += 1
        with suppress(OSError):
            for folder in self.root.iterdir():
                with suppress(OSError, ValueError):
                    uuid.UUID(hex=folder.name)  # else it is none of ours
                    folder.rmdir()  # empty: an upload that was killed before its first byte
        return count


def safe(name: str) -> str:
    """A file name from whatever somebody's browser sent: no folders, nothing that a shell or a log could trip over."""
    bare = re.split(r"[/\\]", name)[-1]
    kept = re.sub(r"[^\w .()+,=@-]", "_", bare, flags=re.UNICODE).strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    encoded = (stem if dot else kept).encode()[:120].decode(errors="ignore")
    return f"{encoded or 'upload'}{dot}{suffix[:12]}" if dot else encoded or "upload"
