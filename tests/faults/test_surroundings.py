"""What Heaters stands on breaks: the database, the disk, the home. A clear error, and nothing half-done."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command import Heaters
from outcome import check_rules, outcome
from rows import one, rows
from shots import write_film
from waiting import wait_for_stage

from heaters import embedded
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.open import open_database

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    write_film(tmp_path / "film.mp4", ("lion", "cat", "coffee"))
    return tmp_path / "film.mp4"


def test_database_killed_in_the_middle(heaters: Heaters, film: Path, tmp_path: Path) -> None:
    home = tmp_path / "embedded"
    database = open_database(Settings(home=home))
    driver = heaters.start("run", film, "--auto-approve", "--json", HEATERS_HOME=str(home), HEATERS_DATABASE_URL="")
    assert wait_for_stage(database, "detect", driver)
    database.close()
    postmaster = int((embedded.status(home).data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, signal.SIGKILL)
    out, err = driver.communicate(timeout=300)
    assert driver.returncode == 0, out + err
    again = open_database(Settings(home=home))
    assert [cut["frame"] for cut in outcome(again)["cuts"]] == [30, 60]
    check_rules(again, home / "media")
    again.close()
    embedded.release(home)


def test_store_disk_full(heaters: Heaters, film: Path, db: Database, small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"\0" * 900_000)
    driver = heaters.start("run", film, "--auto-approve", "--json", HEATERS_STORE=str(small_disk / "media"))
    assert wait_for_stage(db, "download", driver)
    for _ in range(600):
        if one(db, "select count(*) from failures"):
            break
        assert driver.poll() is None
        time.sleep(0.1)
    error = one(db, "select error_type || ': ' || error from failures limit 1")
    assert error.startswith("StoreError")
    assert "No space left" in error
    assert one(db, "select state::text from videos") == "new"  # nothing half-marked
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    filler.unlink()
    out, err = driver.communicate(timeout=300)
    assert driver.returncode == 0, out + err
    check_rules(db, small_disk / "media")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HEATERS_HOME": "/dev/null/home"}, "HEATERS_HOME must be a folder that we may write"),
        ({"HEATERS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "127.0.0.1, port 1"),
        ({"HEATERS_DATABASE_URL": "mysql://x"}, "HEATERS_DATABASE_URL must be a postgresql:// URL"),
        ({"RAY_ADDRESS": "127.0.0.1:1"}, "RAY_ADDRESS=127.0.0.1:1 cannot be reached"),
        ({"HEATERS_MODEL": "clip"}, "HEATERS_MODEL must be starter, openclip:"),
        ({"HEATERS_TRESHOLD": "1"}, "unknown variable HEATERS_TRESHOLD"),
    ],
)
def test_wrong_surroundings_say_variable_and_rule(
    heaters: Heaters, film: Path, variables: dict[str, str], said: str
) -> None:
    ran = heaters("run", film, "--auto-approve", "--json", **variables)
    assert ran.code in (1, 2, 3)
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_scratch_is_empty_after_a_run(heaters: Heaters, film: Path, db: Database) -> None:
    assert heaters("run", film, "--auto-approve").code == 0
    home = Path(heaters.environment["HEATERS_HOME"])
    assert list((home / "scratch").iterdir()) == []
    assert one(db, "select count(*) from stage_runs where status <> 'done'") == 0


AWAY_SECONDS = 180.0 if "HEATERS_REPEAT" in os.environ else 8.0


def test_a_run_waits_while_the_database_is_away(film: Path, tmp_path: Path, ray_cluster: str) -> None:
    """PostgreSQL stops in the middle and comes back: nothing in flight is thrown away, nothing counts as failed."""
    home, server = tmp_path / "server", tmp_path / "home"
    url = embedded.ensure(home)
    heaters = Heaters({"HEATERS_HOME": str(server), "HEATERS_DATABASE_URL": url, "RAY_ADDRESS": ray_cluster})
    database = open_database(Settings(home=server, database_url=url))
    driver = heaters.start("run", film, "--auto-approve", "--json", HEATERS_LEASE_SECONDS="2")
    assert wait_for_stage(database, "detect", driver)
    database.close()
    embedded.stop(home)
    time.sleep(AWAY_SECONDS)
    assert driver.poll() is None
    assert embedded.ensure(home) == url
    out, err = driver.communicate(timeout=300)
    assert driver.returncode == 0, out + err
    assert "waiting for the database" in err
    assert "the database is back" in err
    again = open_database(Settings(home=server, database_url=url))
    assert {row["status"] for row in rows(again, "select status::text from stage_runs")} == {"done"}
    assert one(again, "select max(attempt) from stage_runs") == 1
    check_rules(again, server / "media")
    again.close()
    embedded.release(home)
