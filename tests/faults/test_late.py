"""Workers that come back late: leases run out while they still work, clocks jump, raylets die. Nothing counts twice."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command import Heaters
from outcome import check_rules, outcome
from processes import descendants
from rows import rows
from shots import write_film
from waiting import wait_for_stage

from heaters.store.db import Database

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

REPEAT = range(int(os.environ.get("HEATERS_REPEAT", "1")))
SHORT_LEASE = {"HEATERS_LEASE_SECONDS": "2"}


@pytest.fixture
def film(tmp_path: Path) -> Path:
    write_film(tmp_path / "film.mp4", ("lion", "cat", "coffee"))
    return tmp_path / "film.mp4"


def check_done(db: Database, heaters: Heaters) -> None:
    found = outcome(db)
    assert [cut["frame"] for cut in found["cuts"]] == [30, 60]
    assert [clip["state"] for clip in found["clips"]] == ["review_approved"] * 3
    check_rules(db, Path(heaters.environment["HEATERS_HOME"]) / "media")


@pytest.mark.parametrize("_n", REPEAT)
def test_a_driver_that_slept_past_its_lease_is_fenced_off(heaters: Heaters, film: Path, db: Database, _n: int) -> None:
    sleeper = heaters.start("run", film, "--auto-approve", **SHORT_LEASE)
    assert wait_for_stage(db, "detect", sleeper)
    sleeper.send_signal(signal.SIGSTOP)
    try:
        assert heaters("run", film, "--auto-approve", "--json", **SHORT_LEASE).code == 0
    finally:
        sleeper.send_signal(signal.SIGCONT)
    out, err = sleeper.communicate(timeout=120)
    assert sleeper.returncode == 0, out + err
    assert "dropped a late result of detect" in out + err
    taken = rows(
        db,
        "select r.status::text, count(distinct r.driver) as n from stage_runs r join variants v on v.id = r.variant "
        "where v.stage = 'detect' group by 1",
    )
    assert {row["status"]: row["n"] for row in taken} == {"lost": 1, "done": 1}
    check_done(db, heaters)


@pytest.mark.parametrize("_n", REPEAT)
def test_a_clock_that_jumps_ends_leases_but_doubles_nothing(
    heaters: Heaters, film: Path, db: Database, _n: int
) -> None:
    """Leases know the database's clock alone; for rows already there a jump of it is the same as moved times."""
    driver = heaters.start("run", film, "--auto-approve", "--json", HEATERS_LEASE_SECONDS="3")  # renewed every second
    jumps = 0
    while driver.poll() is None:
        with db.transaction() as tx:
            jumped = tx.execute(
                "update drivers set expires_at = expires_at - interval '1 hour' where expires_at > now()"
            ).rowcount
        jumps += jumped
        if jumps >= 4:
            break
        time.sleep(0.3)
    out, err = driver.communicate(timeout=240)
    assert driver.returncode == 0, out + err
    assert jumps >= 4
    check_done(db, heaters)


@pytest.mark.parametrize("_n", REPEAT)
def test_killed_raylet(film: Path, db: Database, database_url: str, tmp_path: Path, _n: int) -> None:
    """Ray's own part of a node dies, and with it a driver on that node; the same command goes on."""
    heaters = Heaters({"HEATERS_HOME": str(tmp_path / "home"), "HEATERS_DATABASE_URL": database_url, **SHORT_LEASE})
    driver = heaters.start("run", film, "--auto-approve", "--json")
    assert wait_for_stage(db, "prepare", driver)
    (raylet,) = [pid for pid, command in descendants(driver.pid) if command.split(" ")[0].endswith("/raylet/raylet")]
    os.kill(raylet, signal.SIGKILL)
    try:
        driver.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        driver.kill()
        raise
    ran = heaters("run", film, "--auto-approve", "--json")
    assert ran.code == 0, ran.out + ran.err
    check_done(db, heaters)
