"""Facts through the pipeline: on a film of known shots, filtered by, exported, and only what is missing made."""

import json
from pathlib import Path

import pytest
import webdataset
from command import Heaters
from rows import announce, one, rows
from shots import PHOTOS, write_film

from heaters.core.facts import FACTS
from heaters.store.db import Database


@pytest.mark.slow
def test_facts_of_a_film(heaters: Heaters, db: Database, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    write_film(film, frames_each=30)
    done = heaters("run", film, "--auto-approve", "--json")
    assert done.code == 0, done.err
    found = heaters("facts", "1", "--json").json
    assert len(found) == len(PHOTOS)
    assert found[0].keys() == {"clip_id", *FACTS}
    for row in found:
        assert 0.001 < row["motion"] < 0.2  # slow pans
        assert (row["black_share"], row["frozen_share"], row["letterbox"]) == (0, 0, 0)
        assert 0.1 < row["brightness"] < 0.9
        assert row["sharpness"] > 0.01
        assert row["loudness_dbfs"] is row["silence_share"] is row["text_share"] is None
    # Facts that went are made again where the clips are announced, and nothing else.
    with db.transaction() as tx:
        tx.execute("delete from facts where clip_id = %(id)s", {"id": found[2]["clip_id"]})
        announce(tx, "stills", 1)
    before = one(db, "select max(id) from stage_runs")
    assert heaters("run").code == 0
    made = rows(
        db,
        "select v.stage, r.items from stage_runs r join variants v on v.id = r.variant where r.id > %(before)s",
        {"before": before},
    )
    assert made == [{"stage": "facts", "items": 1}]
    assert heaters("facts", "1", "--json").json == found

    # By other levels all is measured anew, and everybody sees what their own settings say.
    levels = {"HEATERS_DARK_LEVEL": "255", "HEATERS_SILENT_DBFS": "-40", "HEATERS_TEXT": "1"}
    unmeasured = heaters("facts", "1", **levels)
    assert "0 clips are measured by these settings" in unmeasured.out + unmeasured.err
    assert heaters("run", **levels).code == 0
    anew = heaters("facts", "1", "--json", **levels).json
    assert [(row["black_share"], row["text_share"]) for row in anew] == [(1, 0)] * len(PHOTOS)
    assert len(heaters("search", "an animal", "--where", "black_share>=1", "--json", **levels).json) == len(PHOTOS)
    assert heaters("search", "an animal", "--where", "black_share>=1", "--json").json == []
    assert heaters("facts", "1", "--json").json == found

    bright = sorted(row["brightness"] for row in found)
    bound = f"brightness>={(bright[1] + bright[2]) / 2:.6f}"
    wanted = {row["clip_id"] for row in found if row["brightness"] >= bright[2]}
    hits = heaters("search", "an animal", "--where", bound, "--json").json
    assert {hit["clip_id"] for hit in hits} == wanted
    out = tmp_path / "set"
    exported = heaters("export-dataset", out, "--splits", "train=1", "--where", bound, "--where", "motion>=0", "--json")
    assert exported.json["clips_new"] == len(wanted), exported.err
    (shard,) = out.glob("train/*.tar")
    by_clip = {row["clip_id"]: row for row in found}
    for raw in webdataset.WebDataset(str(shard), shardshuffle=False):
        record = json.loads(raw["json"])
        assert {"clip_id": record["clip_id"], **json.loads(record["facts"])} == by_clip[record["clip_id"]]
    assert heaters("search", "x", "--where", "speed>=1").code == 2
