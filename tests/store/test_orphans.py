"""The cleaner on both stores: it lists what no row knows, and keeps everything that anything could still want."""

import hashlib
import json
import os
import time
from pathlib import Path

import psycopg
import pytest
from command import Heaters
from made import add_files, add_stills, approve
from review_at import act
from rows import add_clips, add_video, one
from working import Driver

from heaters.core.pipeline import STAGES
from heaters.core.states import ReviewAction
from heaters.errors import HeatersError
from heaters.settings import Settings
from heaters.store.db import Database, connect
from heaters.store.objects import ObjectStore, open_store
from heaters.store.orphans import delete_orphans, orphans
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
    """A cut video with its objects, a clip with stills and two files, and beside each something that no row knows."""
    video = add_video(db, "film", "cut")
    clip, _ = add_clips(db, video, [50])
    mine = content("film")
    folder = f"clips/{mine}/00000000-00000050"
    keys = {
        name: f"videos/{mine}/{name}"
        for name in ("source.mp4", "samples-a.zip", "proxy-a.mp4", "analysis-a.rgb", "pts-a.npy")
    }
    made = [
        *(f"{folder}/keyframes-multi-5/p{percent}.jpg" for percent in (17, 33, 50, 67, 83)),
        *(f"{folder}/copy-a.mp4", f"{folder}/proxy-b.mp4"),
    ]
    with db.transaction() as tx:
        tx.execute(
            "update videos set source_key = %s, sample_key = %s, proxy_key = %s, analysis_key = %s, pts_key = %s, "
            "probabilities_key = %s",
            (*keys.values(), f"videos/{mine}/cuts-a.npz"),
        )
    approve(db, [clip])
    add_stills(db, [clip], "multi:5", [[b"x"] * 5])
    add_files(db, [clip], "copy", [b"x"], params="a")
    add_files(db, [clip], "proxy", [b"x"], params="b")
    for key in (*keys.values(), *made, f"videos/{mine}/cuts-a.npz", f"videos/{mine}/cuts-b.npz"):
        store.put_bytes(key, b"x")
    for key in unknown(mine):
        store.put_bytes(key, b"x")
    store.put_bytes("something/else.txt", b"x")
    return mine


def unknown(film: str) -> set[str]:
    """What lies beside the film's objects and belongs to nobody."""
    folder = f"clips/{film}/00000000-00000050"
    return {
        f"videos/{film}/proxy-old.mp4",
        f"clips/{film}/00000000-00000051/copy-a.mp4",
        f"{folder}/copy-b.mp4",
        f"{folder}/keyframes-multi/p50.jpg",
        f"{folder}/facts-1.json",  # of versions before 0.3; facts are rows now
        f"videos/{content('nobody')}/source.mp4",
    }


def test_lists_what_no_row_knows_and_nothing_else(db: Database, store: ObjectStore, film: str) -> None:
    assert set(found(db, store)) == unknown(film)


def test_what_was_made_of_a_retired_clip_is_known_since_undo_may_bring_it_back(
    db: Database, store: ObjectStore, film: str
) -> None:
    with db.transaction() as tx:
        tx.execute("delete from exports")
    act(db, ReviewAction.MERGE, one(db, "select id from clips where start_frame = 50"))
    assert one(db, "select count(*) from clips where retired_at is not null") == 2
    folder = f"clips/{film}/00000000-00000050"
    assert set(found(db, store)) == unknown(film) | {f"{folder}/copy-a.mp4", f"{folder}/proxy-b.mp4"}


def test_young_objects_are_kept(db: Database, store: ObjectStore, film: str) -> None:
    assert found(db, store, put_before=time.time() - 3600) == []


def test_nothing_of_a_video_in_work_is_listed(db: Database, store: ObjectStore, film: str, settings: Settings) -> None:
    with db.transaction() as tx:
        tx.execute("update videos set state = 'prepared'")
        tx.execute(query("announce_videos"), {"kind": "prepared", "ids": [1]})
    assert Driver(db, settings).claim(STAGES["detect"])
    assert found(db, store) == [f"videos/{content('nobody')}/source.mp4"]


def test_while_a_download_runs_unknown_bytes_may_be_its_own(
    db: Database, store: ObjectStore, film: str, settings: Settings
) -> None:
    with db.transaction() as tx:
        video = tx.execute("insert into videos (source) values ('https://example.org/a.mp4') returning id").fetchone()
        tx.execute(query("announce_videos"), {"kind": "new", "ids": [video["id"]]})
    assert Driver(db, settings).claim(STAGES["download"])
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


def test_what_a_retry_recorded_between_the_look_and_the_deletion_stays(
    db: Database, store: ObjectStore, settings: Settings
) -> None:
    video = add_video(db, "late", "prepared")
    mine = content("late")
    key, other = f"videos/{mine}/proxy-late.mp4", f"videos/{mine}/proxy-other.mp4"
    for one_of in (key, other):
        store.put_bytes(one_of, b"x")
    listed = list(orphans(db, store, put_before=FUTURE))
    assert [entry.key for entry in listed] == [key, other]
    store.put_bytes(key, b"x")  # again: the same bytes keep their age
    with db.transaction() as tx:
        tx.execute("update videos set proxy_key = %s where id = %s", (key, video))
    assert [entry.key for entry in delete_orphans(db, store, listed)] == [other]
    assert store.stat(key) is not None
    assert store.stat(other) is None


def test_nothing_is_claimed_while_orphans_go_and_what_is_claimed_keeps_them(
    db: Database, store: ObjectStore, settings: Settings, database_url: str
) -> None:
    video = add_video(db, "late", "prepared")
    key = f"videos/{content('late')}/proxy-late.mp4"
    store.put_bytes(key, b"x")
    listed = list(orphans(db, store, put_before=FUTURE))
    with db.transaction() as tx:
        tx.execute(query("let_nobody_claim"))
        with (
            pytest.raises((HeatersError, psycopg.Error)),
            connect(database_url, options="-c lock_timeout=200ms") as other,
        ):
            other.execute(query("hold_off_cleaner"))
    assert Driver(db, settings).claim(STAGES["detect"]), video
    assert delete_orphans(db, store, listed) == []
    assert store.stat(key) is not None
