"""Names of files that are no UTF-8: as text that a database and a screen can hold, and back to the very bytes.

A path on disk is bytes. Most are UTF-8 and are stored as they are; any other is stored as a file:// URL, whose %XX keep
its bytes. Python itself shows such bytes as lone surrogates, which neither PostgreSQL nor JSON takes.
"""

import os
import re
from urllib.parse import quote, unquote_to_bytes

SCHEME = "file://"
_UNFIT = re.compile("[\x00\ud800-\udfff]")


def readable(text: str) -> str:
    """Text for people and databases: without NUL, and what could not be decoded is U+FFFD."""
    return _UNFIT.sub("\ufffd", text.replace("\x00", ""))


def stored_path(path: str) -> str:
    """A path as it is stored: itself, or a file:// URL where its bytes are no UTF-8."""
    return SCHEME + quote(os.fsencode(path)) if _UNFIT.search(path) else path


def path_of(stored: str) -> str:
    """The path that `stored_path` stored, which the system finds the file by."""
    return os.fsdecode(unquote_to_bytes(stored.removeprefix(SCHEME))) if is_stored_path(stored) else stored


def is_stored_path(text: str) -> bool:
    """Whether a text is a path that had to be stored as a URL; any other file:// URL is none of ours."""
    if not text.startswith(SCHEME):
        return False
    try:
        unquote_to_bytes(text.removeprefix(SCHEME)).decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False
