"""Folders that nobody else of this machine enters."""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from heaters.errors import ConfigError

# sun_path is 108 bytes with its final zero; Ray puts `/session_<date>_<time>_<microseconds>_<pid>/sockets/plasma_store`
# behind its folder, the name of which we add: 2 + 69 bytes, and some to spare.
LONGEST_SOCKET_PATH_BYTES = 107
RAY_TAIL_BYTES = 80


def private_folder(folder: Path) -> Path:
    """`folder`, made with mode 0700 where it is not there.

    Raises ConfigError where it is a link, or somebody else's, or open to others: one of them may have put it there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = os.lstat(folder)
    if folder.is_symlink() or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise ConfigError(f"{folder} must be a folder of user {os.geteuid()} with mode 0700; remove it")
    return folder


def home_folder(home: Path) -> Path:
    """HEATERS_HOME, made with mode 0700; of one that is there and is ours, "others" lose their rights.

    The rights of its group stay: root's embedded PostgreSQL enters by them (heaters/unprivileged.py).
    Raises ConfigError where it cannot be made.
    """
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
        found = home.stat()
        if found.st_mode & 0o007 and found.st_uid == os.geteuid():
            home.chmod(found.st_mode & 0o770)
    except OSError as error:
        raise ConfigError(f"HEATERS_HOME must be a folder that we may write; {home}: {error.strerror}") from error
    return home


def ray_folder(home: Path) -> Path:
    """A folder for a local Ray's sockets and logs, inside a private one, because Ray opens its own to everybody.

    In the home, or, where that path is too long for a socket, in the temporary folder. Raises ConfigError as
    `private_folder` does.
    """
    folder = home_folder(home) / "ray"
    if len(os.fsencode(folder)) + RAY_TAIL_BYTES > LONGEST_SOCKET_PATH_BYTES:
        name = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
        folder = Path(tempfile.gettempdir()) / f"hr-{name}"
    return private_folder(folder) / "s"
