"""`heaters clips`, `cuts` and `facts` as a person runs them: stable keys, decisions, where files are."""

from pathlib import Path

import pytest
from command import Heaters
from dataset_clips import CLIP_SECONDS, add_exported, file_key
from made import add_facts, add_files
from rows import add_clips, add_video

from heaters.core.facts import FACTS
from heaters.store.db import Database
from heaters.store.objects import ObjectStore, open_store


@pytest.fixture
def heaters(tmp_path: Path, database_url: str) -> Heaters:
    """The command on a database and home of the test's own, without a Ray."""
    return Heaters({"HEATERS_HOME": str(tmp_path / "home"), "HEATERS_DATABASE_URL": database_url})


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "home" / "media"))


def test_clips_tell_their_decision_and_their_file(heaters: Heaters, db: Database, store: ObjectStore) -> None:
    clips = add_exported(db, store, "a", 3, vectors=False)
    with db.transaction() as tx:
        tx.execute("delete from exports where clip_id = any (%s)", (clips[1:],))
        tx.execute("update clips set state = 'review_skipped' where id = %s", (clips[2],))
    found = heaters("clips", "/videos/a", "--json").json
    path = store.local_path(file_key(db, clips[0]))
    assert found[0] == {
        "id": clips[0], "start_frame": 0, "end_frame": 10, "start_seconds": 0.0, "end_seconds": CLIP_SECONDS,
        "state": "review_approved", "export_path": str(path), "export_profile": "copy",
        "export_frames": 10, "export_copied": 0, "export_rule": "",
        "export_width": 96, "export_height": 64,
    }  # fmt: skip
    assert path is not None
    assert path.is_file()
    assert [(clip["state"], clip["export_path"]) for clip in found[1:]] == [
        ("review_approved", None),
        ("review_skipped", None),
    ]
    told = heaters("clips", "1").out
    assert "decision" in told
    assert str(path) in "".join(told.split()), "a long path is folded"
    assert "review_skipped" in told
    assert "3 clips" in told


def test_of_several_files_the_latest_is_told(heaters: Heaters, db: Database, store: ObjectStore) -> None:
    (clip,) = add_exported(db, store, "a", 1, vectors=False)
    add_files(db, [clip], "proxy", [b"later"], params="b" * 10)
    (found,) = heaters("clips", "1", "--json").json
    assert found["export_path"] == str(store.local_path(file_key(db, clip, "proxy", "b" * 10)))


def test_cuts_have_their_keys(heaters: Heaters, db: Database) -> None:
    add_clips(db, add_video(db, "a", "cut"), [50])
    assert heaters("cuts", "1", "--json").json == [
        {"frame": 50, "pts_seconds": 2.0, "kind": "hard", "confidence": pytest.approx(0.9)}
    ]


def test_facts_are_those_of_the_settings(heaters: Heaters, db: Database) -> None:
    clips = add_clips(db, add_video(db, "a", "cut"), [50])
    assert heaters("facts", "1", "--json").json == []
    assert "`heaters run` measures those with stills" in heaters("facts", "1").out
    add_facts(db, clips, [{"motion": 0.1, "loudness_dbfs": -20.5}, {"motion": 0.25}])
    add_facts(db, clips[:1], [{"motion": 0.7}], settings="1-20-0.04--50")
    found = heaters("facts", "1", "--json").json
    assert found == [
        {"clip_id": clips[0], **dict.fromkeys(FACTS), "motion": 0.1, "loudness_dbfs": -20.5},
        {"clip_id": clips[1], **dict.fromkeys(FACTS), "motion": 0.25},
    ]
    (changed,) = heaters("facts", "1", "--json", HEATERS_DARK_LEVEL="20").json
    assert (changed["clip_id"], changed["motion"]) == (clips[0], 0.7)
