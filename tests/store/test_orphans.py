"""The cleaner on both stores: it lists what no row knows, and keeps everything that anything could still want."""

import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from command import Heaters
from psycopg.types.json import Jsonb
from rows import add_clips, add_video

from heaters.core.pipeline import STAGES
from heaters.runner.ledger import Ledger
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.objects import ObjectStore, open_store
from heaters.store.orphans import orphans
from heaters.store.queries import query

FUTURE = time.time() + 3600


def content(name: str) -> str:
    """The content hash that `add_video` gives a video of this name."""
    return hashlib.sha256(name.encode()).hexdigest()


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "local":
        return open_store(str(tmp_path / "store"))
    endpoint: str = request.getfixturevalue("s3_endpoint")
    return open_store(request.getfixturevalue("s3_location"), s3_endpoint=endpoint)


def found(db: Database, store: ObjectStore, put_before: float = FUTURE) -> list[str]:
    return [entry.key for entry in orphans(db, store, put_before=put_before)]


@pytest.fixture
def film(db: Database, store: ObjectStore) -> str:
    """A cut video with its objects, one exported clip with a still, and beside each something that no row knows."""
    video = add_video(db, "film", "cut")
    clip, _ = add_clips(db, video, [50])
    mine = content("film")
    keys = {name: f"videos/{mine}/{name}" for name in ("source.mp4", "proxy-a.mp4", "analysis-a.rgb", "pts-a.npy")}
    export = f"clips/{mine}/00000000-00000050/source-a.mp4"
    with db.transaction() as tx:
        tx.execute(
            "update videos set source_key = %s, proxy_key = %s, analysis_key = %s, pts_key = %s, "
            "probabilities_key = %s",
            (*keys.values(), f"videos/{mine}/cuts-a.npz"),
        )
        artifact = {
            "clip_id": clip, "kind": "export", "strategy": "source", "tag": "", "key": export, "sha256": "0" * 64,
            "size_bytes": 1, "metadata": Jsonb({}),
        }  # fmt: skip
        tx.execute(query("record_artifact"), artifact)
    for key in (*keys.values(), export, f"videos/{mine}/cuts-a.npz", f"videos/{mine}/cuts-b.npz"):
        store.put_bytes(key, b"x")
    store.put_bytes(f"videos/{mine}/proxy-old.mp4", b"x")
    store.put_bytes(f"clips/{mine}/00000000-00000051/source-a.mp4", b"x")
    store.put_bytes(f"videos/{content('nobody')}/source.mp4", b"x")
    store.put_bytes("something/else.txt", b"x")
    return mine


def test_lists_what_no_row_knows_and_nothing_else(db: Database, store: ObjectStore, film: str) -> None:
    assert set(found(db, store)) == {
        f"videos/{film}/proxy-old.mp4",
        f"clips/{film}/00000000-00000051/source-a.mp4",
        f"videos/{content('nobody')}/source.mp4",
    }


def test_young_objects_are_kept(db: Database, store: ObjectStore, film: str) -> None:
    assert found(db, store, put_before=time.time() - 3600) == []


def test_nothing_of_a_video_in_work_is_listed(db: Database, store: ObjectStore, film: str, settings: Settings) -> None:
    with db.transaction() as tx:
        tx.execute("update videos set state = 'prepared'")
    assert Ledger(db, settings, worker="a", scope=None).claim(STAGES["detect"], 1)
    assert found(db, store) == [f"videos/{content('nobody')}/source.mp4"]


def test_while_a_download_runs_unknown_bytes_may_be_its_own(
    db: Database, store: ObjectStore, film: str, settings: Settings
) -> None:
    with db.transaction() as tx:
        tx.execute("insert into videos (source) values ('https://example.org/a.mp4')")
    assert Ledger(db, settings, worker="a", scope=None).claim(STAGES["download"], 1)
    assert f"videos/{content('nobody')}/source.mp4" not in found(db, store)
    assert f"videos/{film}/proxy-old.mp4" in found(db, store)


def test_the_command_deletes_only_when_told(db: Database, heaters: Heaters) -> None:
    media = Path(heaters.environment["HEATERS_HOME"]) / "media"
    key = f"videos/{content('nobody')}/source.mp4"
    open_store(str(media)).put_bytes(key, b"some bytes")
    assert heaters("clean", "--json").json == []  # too young
    os.utime(media / key, (time.time() - 90_000, time.time() - 90_000))
    assert [(row["key"], row["size_bytes"], row["deleted"]) for row in heaters("clean", "--json").json] == [
        (key, 10, False)
    ]
    assert (media / key).exists()
    ran = heaters("clean", "--delete", "--json")
    assert json.loads(ran.out)[0]["deleted"], ran.err
    assert not (media / key).exists()
    assert "nothing to clean" in heaters("clean").out
