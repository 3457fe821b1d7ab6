"""Whose fault it is that a file cannot be read: the file's, or the machine's, which may do better the next time.

Errors of libavformat and ffmpeg about reading pass through here, so that no file is given up for a missing mount.
"""

import errno

from heaters.errors import MediaError, StageError, StoreError
from heaters.machine import available_bytes

# Not EIO: demuxers say it of files that are cut short.
OF_THE_MACHINE = frozenset(
    {errno.ENOENT, errno.EACCES, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ETIMEDOUT, errno.ENOSPC, errno.EDQUOT}
)
FULL = ("No space left on device", "Disk quota exceeded")
# As the C library says those that a command about an existing file gets from the machine alone.
SAYINGS = ("No such file or directory", "Too many open files", "Stale file handle", "Connection timed out")
ROOM_BYTES = 2**30  # a demuxer that is refused an allocation while the machine has as much asked for too much


def by_number(number: int | None, said: str) -> StageError:
    """The error for an `errno`, as libraries give it: StoreError where it is the machine's, else MediaError."""
    if number in OF_THE_MACHINE or (number == errno.ENOMEM and available_bytes() < ROOM_BYTES):
        return StoreError(said)
    return MediaError(said)


def by_words(said: str, evidence: str) -> StageError:
    """The error for what ffmpeg said when it failed: a full disk or a missing file is no fault of the file."""
    if any(words in evidence for words in FULL):
        return StoreError(f"the disk is full\n{evidence}")
    if any(words in evidence for words in SAYINGS):
        return StoreError(f"{said}\n{evidence}")
    return MediaError(f"{said}\n{evidence}")
