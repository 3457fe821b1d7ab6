"""What all tests share: one PostgreSQL for the session, a fresh database and home for each test, a local Ray.

Each process of pytest-xdist is such a session and has its own: names of databases and what Ray started are not shared.
HEATERS_TEST_DATABASE_URL names another server than the embedded one. HEATERS_REQUIRE (a comma list of browser, gpu,
internet) names what the machine promises: a test that needs it fails where it would otherwise be skipped.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Ray starts its workers at niceness 15: beside anything else that computes on this machine they get a thirtieth of a
# core, and the tests wait for them as if they hung.
os.environ.setdefault("RAY_worker_niceness", "0")
# Hundreds of processes are started: where nothing compiled may be kept, each of them compiles the project anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Threads of two processes that spin for each other's cores make what takes 8 s alone take 60.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).parent / "support"))

from command import Heaters
from crashes import pytest_configure, pytest_runtest_logreport, pytest_testnodedown
from databases import TEMPLATE, administer, with_database
from requirements import require

from heaters import embedded
from heaters.settings import Settings
from heaters.store.db import Database, connect
from heaters.store.migrate import migrate

__all__ = ["pytest_configure", "pytest_runtest_logreport", "pytest_testnodedown", "require"]


@pytest.fixture(autouse=True)
def ordinary_scheduling() -> Iterator[None]:
    """No test may leave the session real-time (libsvtav1 does): servers and browsers started from then on would take
    all there is from what they wait for, and the machine would seem to hang.
    """
    policy = getattr(os, "sched_getscheduler", lambda _pid: None)  # of Linux
    before = policy(0)
    yield
    assert policy(0) == before


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server on which we may create databases, for the whole session."""
    given = os.environ.get("HEATERS_TEST_DATABASE_URL", "")
    if given:
        yield given
        return
    home = tmp_path_factory.mktemp("home")
    url = embedded.ensure(home)
    # What this one holds is thrown away, and every test makes and drops a database: nothing need reach the disk.
    administer(url, "alter system set fsync = off")
    administer(url, "alter system set synchronous_commit = off")
    administer(url, "select pg_reload_conf()")
    yield url
    embedded.release(home)


@pytest.fixture(scope="session")
def template_url(postgres_url: str) -> str:
    """A migrated database that the tests' databases are copies of. Nothing stays connected to it."""
    administer(postgres_url, "drop database if exists {0} with (force)", TEMPLATE)
    administer(postgres_url, "create database {0}", TEMPLATE)
    url = with_database(postgres_url, TEMPLATE)
    with connect(url) as connection:
        migrate(connection)
    return url


@contextmanager
def _databases(postgres_url: str) -> Iterator[Callable[[str], str]]:
    names: list[str] = []

    def make(template: str) -> str:
        names.append(f"heaters_test_{uuid.uuid4().hex[:12]}")
        administer(postgres_url, "create database {0} template {1}", names[-1], template)
        return with_database(postgres_url, names[-1])

    yield make
    for name in names:
        administer(postgres_url, "drop database if exists {0} with (force)", name)


@pytest.fixture
def make_database(postgres_url: str) -> Iterator[Callable[[str], str]]:
    """Makes databases from a named template ("template0": without any table); all dropped after the test."""
    with _databases(postgres_url) as make:
        yield make


@pytest.fixture(scope="module")
def module_database_url(postgres_url: str, template_url: str) -> Iterator[str]:
    """A fresh migrated database for all tests of a module, dropped after them."""
    assert template_url  # is there by now
    with _databases(postgres_url) as make:
        yield make(TEMPLATE)


@pytest.fixture
def empty_database_url(make_database: Callable[[str], str]) -> str:
    """A fresh database without any table, dropped after the test."""
    return make_database("template0")


@pytest.fixture
def database_url(make_database: Callable[[str], str], template_url: str) -> str:
    """A fresh migrated database, dropped after the test."""
    assert template_url  # is there by now
    return make_database(TEMPLATE)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """The fresh migrated database, opened."""
    database = Database(database_url, patience_seconds=5)
    yield database
    database.close()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a home and a database of the test's own."""
    return Settings(home=tmp_path / "home", database_url=database_url)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """An S3 server on loopback, with AWS credentials set for it."""
    import s3  # Flask and moto: only for those who need it

    with s3.serve() as endpoint:
        yield endpoint


@pytest.fixture
def s3_location(s3_endpoint: str) -> str:
    """A prefix in a bucket of the test's own."""
    import s3

    return f"s3://{s3.make_bucket(s3_endpoint)}/some/prefix"


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Ray of two CPUs, for the whole session, with token authentication on."""
    token = tmp_path_factory.mktemp("ray") / "token"
    token.write_text(uuid.uuid4().hex)
    patch = pytest.MonkeyPatch()
    patch.setenv("RAY_AUTH_MODE", "token")
    patch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    patch.setenv("RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH", "deployments.edge:callback")  # as `heaters serve` has it
    import ray

    context = ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield str(context.address_info["address"])
    ray.shutdown()
    patch.undo()


@pytest.fixture
def heaters(tmp_path: Path, database_url: str, ray_cluster: str) -> Heaters:
    """The command on a database and home of the test's own, and the session's Ray."""
    return Heaters(
        {
            "HEATERS_HOME": str(tmp_path / "home"),
            "HEATERS_DATABASE_URL": database_url,
            "RAY_ADDRESS": ray_cluster,
        }
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)
