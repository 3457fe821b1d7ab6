"""The zero-setup PostgreSQL: the binaries of a wheel, data under HEATERS_HOME, one server for all processes.

`ensure(home)` gives its URL, starting it when needed. Every process that asked holds a shared lock until it ends,
`<home>/postgres/users.lock`; the last one to end stops the server. A killed process loses its lock in the kernel, a
killed server recovers at the next `ensure`. It knows no table.
"""

import atexit
import fcntl
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from heaters.embedded.server import Server, program


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where the server is and whether it runs. `url` is empty when it does not."""

    running: bool
    url: str
    data: Path
    log: Path


_guard = threading.Lock()
_held: dict[Path, int] = {}  # home → descriptor of its users.lock: this process is a user


def ensure(home: Path) -> str:
    """The URL of the running server of `home`, which stays up at least as long as this process.

    Cheap when it runs already, so call it before each new connection. Raises ConfigError when the wheel is
    missing, the home cannot be written, or the server does not start.
    """
    program("postgres")
    server = Server(home)
    with _guard:
        if server.folder not in _held:
            _held[server.folder] = server.open_lock("users.lock", fcntl.LOCK_SH)
        return server.start()


def release(home: Path | None = None) -> None:
    """This process no longer uses the server of `home` (or any); the last to say so stops it. Runs at exit."""
    with _guard:
        for folder in [folder for folder in _held if home is None or folder == home.absolute() / "postgres"]:
            descriptor = _held.pop(folder)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Server(folder.parent).stop()
            except BlockingIOError:
                pass  # somebody else uses it
            finally:
                os.close(descriptor)


def stop(home: Path) -> None:
    """Stop the server of `home`, also under processes that use it."""
    server = Server(home)
    with server.lock("start.lock"):
        server.stop()


def status(home: Path) -> Status:
    """Whether the server of `home` runs. Starts nothing and writes nothing."""
    server = Server(home)
    running = server.answers()
    return Status(running=running, url=server.url if running else "", data=server.data, log=server.log)


def _forget_in_child() -> None:
    """A forked child is not a user: it closes its copies, which leaves the parent's lock in place."""
    for descriptor in _held.values():
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)
atexit.register(release)
