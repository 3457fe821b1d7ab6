"""`heaters withdraw` as a person runs it: videos go with their objects and are told by name, also in datasets."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from command import Heaters
from dataset_clips import add_exported
from rows import add_video, one, rows
from waiting import wait_until

from heaters.store.db import Database
from heaters.store.objects import ObjectStore, open_store
from heaters.store.withdrawals import Withdrawals


@pytest.fixture
def heaters(tmp_path: Path, database_url: str) -> Heaters:
    """The command on a database and home of the test's own, without a Ray."""
    return Heaters({"HEATERS_HOME": str(tmp_path / "home"), "HEATERS_DATABASE_URL": database_url})


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "home" / "media"))


def content(name: str) -> str:
    """The content hash that `add_video` gives a video of this name."""
    return hashlib.sha256(name.encode()).hexdigest()


def keys(store: ObjectStore) -> list[str]:
    return [entry.key for entry in store.list()]


def test_a_video_goes_and_the_datasets_that_hold_it_are_told(
    heaters: Heaters, db: Database, store: ObjectStore, tmp_path: Path
) -> None:
    add_exported(db, store, "a", 3, vectors=False)
    add_exported(db, store, "b", 2, vectors=False)
    out = tmp_path / "clips"
    exported = heaters("export-dataset", out, "--no-vectors", "--no-stills", "--json")
    assert exported.json["clips"] == 5, exported.err
    other = tmp_path / "other"
    assert heaters("export-dataset", other, "--no-vectors", "--no-stills", "--video", "/videos/b").code == 0

    gone = heaters("withdraw", "/videos/a", "--reason", "rights ended", "--by", "ann", "--json")
    assert gone.code == 0, gone.err
    (row,) = gone.json["withdrawn"]
    assert row | {"at": ""} == {
        "video_id": 1, "source": "/videos/a", "content_hash": content("a"), "title": "Film a", "clips": 3,
        "reason": "rights ended", "by": "ann", "at": "", "finished": True,
    }  # fmt: skip
    assert (gone.json["objects_deleted"], gone.json["unfinished"]) == (3 * (1 + 3), 0)
    assert gone.json["bytes_freed"] > 0
    (holder,) = gone.json["datasets"]
    assert (holder["location"], holder["clips"], holder["sources"], holder["error"]) == (str(out), 3, 1, None)
    assert {key.split("/")[1] for key in keys(store)} == {content("b")}
    assert rows(db, "select source from videos") == [{"source": "/videos/b"}]

    (holder,) = heaters("withdraw", "1", "--json").json["datasets"]  # by its old number, and again
    assert holder["clips"] == 3
    (holder,) = heaters("withdraw", content("a"), "--dataset", tmp_path / "none", "--json").json["datasets"][1:]
    assert "it is not there" in holder["error"]
    assert [row["reason"] for row in heaters("withdraw", "--list", "--json").json] == ["rights ended"]


def test_what_is_withdrawn_can_be_allowed_again(heaters: Heaters, db: Database, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")
    assert heaters("submit", film).code == 0
    assert heaters("withdraw", film).code == 0
    refused = heaters("submit", film, "--json")
    assert refused.code == 1
    assert "video 1 was withdrawn on" in refused.json[0]["error"]
    assert heaters("withdraw", film, "--allow-again", "--json").json == {"allowed": [str(film)]}
    assert heaters("submit", film).code == 0
    nothing = heaters("withdraw", "--allow-again")
    assert (nothing.code, "takes videos that were withdrawn" in nothing.err) == (2, True)


def test_many_are_named_in_a_file_and_none_goes_where_one_is_unknown(
    heaters: Heaters, db: Database, tmp_path: Path
) -> None:
    videos = [add_video(db, f"film {n}") for n in range(3)]
    (tmp_path / "list.txt").write_text(f"{videos[0]}\n/videos/film 1\n# a comment\n{content('none')}\n")
    wrong = heaters("withdraw", "--from", tmp_path / "list.txt")
    assert wrong.code == 2
    assert f"there is no video {content('none')}, and none was withdrawn" in wrong.err
    assert one(db, "select count(*) from videos") == 3
    (tmp_path / "list.txt").write_text(f"{videos[0]}\n/videos/film 1\n")
    assert heaters("withdraw", "--from", tmp_path / "list.txt").code == 0
    assert rows(db, "select id from videos") == [{"id": videos[2]}]


def test_killed_in_the_middle_the_same_command_goes_on(heaters: Heaters, db: Database, store: ObjectStore) -> None:
    """Killed once the rows are gone, while objects are deleted; beside it another command withdraws the same."""
    add_video(db, "film", "cut")
    count = 3000
    for number in range(count):
        store.put_bytes(f"clips/{content('film')}/{number:08d}-{number + 1:08d}/copy-a.mp4", b"x")
    killed = heaters.start("withdraw", "/videos/film")
    wait_until(lambda: len(keys(store)) < count, "the first objects to go")
    killed.kill()
    killed.communicate()
    assert keys(store)
    assert rows(db, "select from videos") == []
    assert [one.finished_at for one in Withdrawals(db, store).tombstones()] == [None]

    both: list[subprocess.Popen[str]] = [heaters.start("withdraw", *names) for names in ((), ("/videos/film",))]
    answers = [process.communicate(timeout=100) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert keys(store) == []
    assert [one.finished_at is None for one in Withdrawals(db, store).tombstones()] == [False]


def test_what_this_machine_keeps_goes_too(heaters: Heaters, db: Database, tmp_path: Path) -> None:
    home = tmp_path / "home"
    upload = home / "uploads" / "0123456789abcdef0123456789abcdef" / "film.mp4"
    film = tmp_path / "mine.mp4"
    mine, other = content("film"), content("other")
    keep = [home / "cache" / f"{other}-{mine}.mp4", film]
    go = [
        *(home / "cache" / f"{mine}-{other}.zip", home / "cache" / f"{mine}.mp4"),
        *(home / "stills" / "ab" / f"{mine}-{'0' * 32}.jpg", home / "scratch" / "download-1" / "part", upload),
    ]
    for path in (*keep, *go):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    with db.transaction() as tx:
        tx.execute("insert into videos (source, content_hash) values (%s, %s)", (str(upload), mine))
        tx.execute("insert into videos (source) values (%s)", (str(film),))
    assert heaters("withdraw", "1", film).code == 0
    assert [path for path in go if path.exists()] == []
    assert all(path.exists() for path in keep)  # a person's own file is theirs
