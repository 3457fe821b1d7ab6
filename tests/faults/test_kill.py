"""kill -9 anything at any stage: a run again ends as if nothing had happened.

The short form kills the driver at every stage, a worker and ffmpeg at one. `make faults` sets HEATERS_REPEAT=10: then
everything is killed at every stage, ten times.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command import Heaters
from databases import TEMPLATE
from outcome import check_rules, outcome, vectors
from processes import is_ffmpeg, is_task, kill_one
from rows import one, rows
from shots import write_film
from waiting import wait_for_stage

from heaters.core.pipeline import machine_stages
from heaters.store.db import Database
from heaters.store.proxies import watch

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

REPEAT = range(int(os.environ.get("HEATERS_REPEAT", "1")))
IS_LONG = "HEATERS_REPEAT" in os.environ
STAGES = [stage.name for stage in machine_stages()]
SHORT_LEASE = {"HEATERS_LEASE_SECONDS": "2"}
EXPECTED_CUTS = [30, 60, 90, 120]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    write_film(tmp_path / "film.mp4")
    return tmp_path / "film.mp4"


def check_done(db: Database, heaters: Heaters) -> None:
    """The film's true cuts, complete clips and vectors; nothing twice, nothing orphaned."""
    found = outcome(db)
    assert [cut["frame"] for cut in found["cuts"]] == EXPECTED_CUTS
    assert [clip["state"] for clip in found["clips"]] == ["review_approved"] * 5
    assert len(found["files"]) == 5 * 4  # the clip itself, and three stills
    assert len(found["facts"]) == 5
    assert len(found["vectors"]) == 5
    check_rules(db, Path(heaters.environment["HEATERS_HOME"]) / "media")


@pytest.mark.parametrize("_n", REPEAT)
def test_killed_driver_at_every_stage(
    heaters: Heaters, film: Path, db: Database, make_database: Callable[[str], str], tmp_path: Path, _n: int
) -> None:
    on_demand = {**SHORT_LEASE, "HEATERS_PROXIES": "demand"}
    for stage in STAGES:
        if stage == "proxy":
            watch(db, one(db, "select id from videos"))
        # What is approved is exported at once: while others are to be killed, nobody decides.
        approve = ["--auto-approve"] if stage == "export" else []
        driver = heaters.start("run", film, *approve, **on_demand)
        caught = wait_for_stage(db, stage, driver)
        driver.kill()
        driver.communicate()
        assert caught, f"{stage} was done before it could be killed"
    assert heaters("run", film, "--auto-approve", **SHORT_LEASE).code == 0
    check_done(db, heaters)

    url, home = make_database(TEMPLATE), tmp_path / "undisturbed"
    assert heaters("run", film, "--auto-approve", HEATERS_DATABASE_URL=url, HEATERS_HOME=str(home)).code == 0
    undisturbed = Database(url)
    watch(undisturbed, one(undisturbed, "select id from videos"))
    assert heaters("run", HEATERS_DATABASE_URL=url, HEATERS_HOME=str(home)).code == 0
    assert outcome(db) == outcome(undisturbed)
    assert np.allclose(vectors(db), vectors(undisturbed), atol=2e-3)
    undisturbed.close()


@pytest.mark.parametrize("_n", REPEAT)
@pytest.mark.parametrize("stage", [s for s in STAGES if s != "proxy"] if IS_LONG else ["detect"])
def test_killed_ray_worker(heaters: Heaters, film: Path, db: Database, stage: str, _n: int) -> None:
    driver = heaters.start("run", film, "--auto-approve", "--json")
    assert wait_for_stage(db, stage, driver)
    kill_one(is_task)
    out, err = driver.communicate(timeout=500)
    assert driver.returncode == 0, out + err
    check_done(db, heaters)


@pytest.mark.parametrize("_n", REPEAT)
@pytest.mark.parametrize("stage", ["prepare", "export"] if IS_LONG else ["prepare"])
def test_killed_ffmpeg(heaters: Heaters, film: Path, db: Database, stage: str, _n: int) -> None:
    driver = heaters.start("run", film, "--auto-approve", "--json")
    assert wait_for_stage(db, stage, driver)
    kill_one(is_ffmpeg)
    out, err = driver.communicate(timeout=500)
    assert driver.returncode == 0, out + err
    check_done(db, heaters)
    assert one(db, "select count(*) from stage_runs where status in ('failed', 'lost')") >= 1


@pytest.mark.parametrize("_n", REPEAT)
def test_two_at_once_do_nothing_twice(heaters: Heaters, film: Path, db: Database, tmp_path: Path, _n: int) -> None:
    write_film(tmp_path / "other.mp4", ("cat", "coffee", "lion"))
    files = (film, tmp_path / "other.mp4")
    drivers = [heaters.start("run", *order, "--auto-approve", "--json") for order in (files, files[::-1])]
    answers = [driver.communicate(timeout=500) for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0, 0], answers
    assert one(db, "select count(*) from videos") == 2
    assert {row["status"] for row in rows(db, "select status::text from stage_runs")} == {"done"}
    check_rules(db, Path(heaters.environment["HEATERS_HOME"]) / "media")


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM] if IS_LONG else [signal.SIGTERM])
def test_stopped_driver_gives_back_what_it_held(
    heaters: Heaters, film: Path, db: Database, signal_number: signal.Signals
) -> None:
    driver = heaters.start("run", film, "--auto-approve")
    assert wait_for_stage(db, "detect", driver), driver.communicate(timeout=60)
    driver.send_signal(signal_number)
    out, _ = driver.communicate(timeout=60)
    assert driver.returncode == 1
    assert "The same command goes on from here" in out
    assert rows(db, "select driver, attempt from tasks") == [{"driver": None, "attempt": 0}]
    assert rows(db, "select from drivers") == []
    assert heaters("run", film, "--auto-approve").code == 0
    check_done(db, heaters)
