"""A video is withdrawn while a driver works on it: nothing of it stays, and the driver goes on with others."""

from pathlib import Path

import pytest
from command import Heaters
from rows import rows
from shots import write_film
from waiting import wait_for_stage

from heaters.store.db import Database
from heaters.store.objects import open_store

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.mark.parametrize("stage", ["download", "prepare", "keyframes"])
def test_withdrawn_while_a_driver_works_on_it(heaters: Heaters, db: Database, tmp_path: Path, stage: str) -> None:
    film, other = tmp_path / "film.mp4", tmp_path / "other.mp4"
    write_film(film, ("lion", "cat", "coffee", "lion", "cat", "coffee"))
    write_film(other, ("cat", "coffee"))
    driver = heaters.start("run", film, other, "--json")
    assert wait_for_stage(db, stage, driver)
    gone = heaters("withdraw", film, "--json")
    out, err = driver.communicate(timeout=300)
    assert (gone.code, driver.returncode) in {(0, 0), (1, 0)}, gone.err + out + err
    assert heaters("withdraw", "--json").json["unfinished"] == 0

    assert [row["source"] for row in rows(db, "select source from videos where state = 'cut'")] == [str(other)]
    assert rows(db, "select finished_at is null as is_open from withdrawn") == [{"is_open": False}]
    (content,) = [row["content_hash"] for row in rows(db, "select content_hash from videos")]
    home = Path(heaters.environment["HEATERS_HOME"])
    assert {entry.key.split("/")[1] for entry in open_store(str(home / "media")).list()} == {content}
