"""Temporary folders of running stages. A folder is locked by the process that uses it, so that what a killed
process left behind can be told from what is in use, and swept.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from heaters.errors import StoreError, TransientError

LOCK = ".lock"
# A partial download is worth resuming for a while; everything else in an unlocked folder is rubbish at once.
KEEP_PARTIAL_SECONDS = 7 * 24 * 3600


@contextmanager
def scratch(root: Path, name: str, *, keep_on_error: bool = False) -> Iterator[Path]:
    """A locked folder `root/name`, removed afterwards (kept after an error if a retry can resume from it).

    Raises TransientError when another live process works in it: the item's lease moved while that one still ran.
    """
    folder = root / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"cannot make the scratch folder {folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TransientError(f"another process is still working in {folder}") from None
        try:
            yield folder
        except BaseException:
            if not keep_on_error:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def remove_stale_dirs(root: Path, *, now: float | None = None, abandoned: Collection[str] = ()) -> int:
    """Delete what dead processes left under `root`, partial downloads only where they are old or `abandoned`; returns
    how many folders went.
    """
    if not root.is_dir():
        return 0
    moment = time.time() if now is None else now
    removed = 0
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        if folder.name.startswith("download-") and folder.name not in abandoned:
            with suppress(FileNotFoundError):  # somebody else tidies, too
                if moment - folder.stat().st_mtime < KEEP_PARTIAL_SECONDS:
                    continue
        lock = folder / LOCK
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # somebody works in it
        else:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
        finally:
            os.close(descriptor)
    return removed
