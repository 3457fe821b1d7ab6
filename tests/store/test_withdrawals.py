"""Withdrawing videos: rows, then objects; nothing comes back; and whatever works on them meanwhile leaves nothing."""

import hashlib
import threading
from pathlib import Path

import pytest
from made import add_files, approve
from rows import add_clips, add_video, one, rows
from tallies import check_tallies
from working import Driver

from heaters.errors import RuleError, StoreError
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.objects import Deleted, ObjectStore, open_store
from heaters.store.withdrawals import Withdrawals
from heaters.submit import submit, submit_all

OF_VIDEOS = ("videos", "cuts", "clips", "changes", "tasks", "failures", "stage_runs", "review_events")
OF_CLIPS = ("stills", "facts", "exports", "embeddings", "review_leases")


def content(name: str) -> str:
    """The content hash that `add_video` gives a video of this name."""
    return hashlib.sha256(name.encode()).hexdigest()


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "local":
        return open_store(str(tmp_path / "store"))
    endpoint: str = request.getfixturevalue("s3_endpoint")
    return open_store(request.getfixturevalue("s3_location"), s3_endpoint=endpoint)


@pytest.fixture
def here(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def driver(db: Database, settings: Settings) -> Driver:
    return Driver(db, settings)


def keys(store: ObjectStore) -> list[str]:
    return [entry.key for entry in store.list()]


def take_out(withdrawals: Withdrawals, *videos: int, by: str = "ann", reason: str = "asked for") -> list[str]:
    return [source for some in withdrawals.withdraw(videos, by=by, reason=reason) for source in some]


def add_film(db: Database, store: ObjectStore, driver: Driver, name: str) -> int:
    """A cut film with everything there can be of it: stills, facts, files, vectors, history, log, failure, objects."""
    video = add_video(db, name, "cut")
    clips = add_clips(db, video, [50])
    approve(db, clips[:1])
    driver.drain("keyframes", "facts", "embed")
    add_files(db, clips[:1], "copy", [b"x"], params="a")
    with db.transaction() as tx:
        tx.execute("insert into review_leases values (%s, %s, 'bob', now() + interval '1 hour')", (clips[1], video))
        tx.execute(
            "insert into failures (video_id, variant, driver, error_type, error) "
            "values (%s, 1, 'a', 'MediaError', 'bad')",
            (video,),
        )
        tx.execute("insert into tasks (video_id, variant) values (%s, 1)", (video,))
        tx.execute(
            "with act as (insert into review_events (video_id, reviewer, action, request_key, clip_ids, before, after) "
            "values (%(id)s, 'bob', 'skip', %(name)s, '{}', '{}', '{}') returning id) "
            "insert into review_events (video_id, reviewer, action, request_key, undoes, clip_ids, before, after) "
            "select %(id)s, 'bob', 'undo', %(name)s || ' undo', id, '{}', '{}', '{}' from act",
            {"id": video, "name": name},
        )
    store.put_bytes(f"videos/{content(name)}/source.mp4", b"the film")
    store.put_bytes(f"videos/{content(name)}/samples-a.zip", b"samples")
    store.put_bytes(f"clips/{content(name)}/00000000-00000050/copy-a.mp4", b"a clip")
    return video


def test_all_of_a_video_goes_and_nothing_of_others(db: Database, store: ObjectStore, driver: Driver) -> None:
    film, other = add_film(db, store, driver, "film"), add_film(db, store, driver, "other")
    with db.transaction() as tx:
        tx.execute("insert into videos (source, duplicate_of) values ('https://x.org/again', %s)", (film,))
    before = {table: one(db, f"select count(*) from {table}") for table in (*OF_VIDEOS, *OF_CLIPS)}
    assert min(before.values()) > 0, before

    withdrawals = Withdrawals(db, store)
    assert take_out(withdrawals, film) == ["/videos/film", "https://x.org/again"]
    for table in OF_VIDEOS:
        column = "id" if table == "videos" else "video_id"
        assert {row["v"] for row in rows(db, f"select distinct {column} as v from {table}")} == {other}, table
    for table in OF_CLIPS:
        assert one(db, f"select count(*) from {table} where clip_id not in (select id from clips)") == 0
        assert one(db, f"select count(*) from {table}") == before[table] / 2, table
    check_tallies(db)
    (first, second) = withdrawals.tombstones()
    assert (first.video_id, first.content_hash, first.clips, first.reason) == (film, content("film"), 2, "asked for")
    assert (second.content_hash, second.withdrawn_by, second.finished_at) == (content("film"), "ann", None)

    assert sum(withdrawals.clear(), Deleted()) == Deleted(objects=3, size_bytes=21)
    assert {key.split("/")[1] for key in keys(store)} == {content("other")}
    assert all(one.finished_at is not None for one in withdrawals.tombstones())
    assert sum(withdrawals.clear(), Deleted()) == Deleted()


def test_it_does_not_come_back_by_its_address_or_its_bytes(db: Database, here: ObjectStore, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")
    url = submit(db, "https://x.org/film").video_id
    video = submit(db, str(film)).video_id
    assert url is not None
    assert video is not None
    withdrawals = Withdrawals(db, here)
    take_out(withdrawals, url, video)
    (tmp_path / "copy.mp4").write_bytes(b"film")
    (tmp_path / "new.mp4").write_bytes(b"new")
    names = ["https://x.org/film", str(tmp_path / "new.mp4"), str(tmp_path / "copy.mp4"), str(film)]
    answers = list(submit_all(db, names))
    assert [answer.video_id is None for answer in answers] == [True, False, True, True]
    assert f"video {video} was withdrawn on" in str(answers[2].error)
    assert "by ann, and may not come back: asked for" in str(answers[2].error)
    assert one(db, "select count(*) from videos") == 1

    assert list(withdrawals.clear()) == [Deleted()]
    assert withdrawals.allow_again([str(film)]) == [str(film)]
    assert submit(db, str(film)).is_new


def test_who_waits_for_the_row_to_go_is_refused(db: Database, here: ObjectStore, tmp_path: Path) -> None:
    """A submission that looked before the withdrawal, and writes after it."""
    (tmp_path / "film.mp4").write_bytes(b"film")
    video = submit(db, str(tmp_path / "film.mp4")).video_id
    assert video
    (tmp_path / "copy.mp4").write_bytes(b"film")
    answers = []
    with db.transaction() as tx:  # as the withdrawal does
        tx.execute("delete from changes")
        tx.execute("insert into withdrawn (source, video_id, content_hash, withdrawn_by) "
                   "select source, id, content_hash, 'ann' from videos")  # fmt: skip
        tx.execute("delete from videos")
        late = threading.Thread(target=lambda: answers.append(submit(db, str(tmp_path / "copy.mp4"))))
        late.start()
        late.join(1)
        assert late.is_alive()
    late.join(10)
    assert "was withdrawn" in str(answers[0].error)


def test_the_database_refuses_it_by_itself(db: Database, here: ObjectStore) -> None:
    take_out(Withdrawals(db, here), add_video(db, "film"))
    add_video(db, "other")
    for statement in (
        "insert into videos (source) values ('/videos/film')",
        f"insert into videos (source, content_hash) values ('/videos/x', '{content('film')}')",
        "update videos set source = '/videos/film'",
        f"update videos set content_hash = '{content('film')}'",
    ):
        with pytest.raises(StoreError, match="video 1 was withdrawn on"):
            rows(db, f"{statement} returning id")


def test_a_store_that_fails_leaves_it_unfinished(
    db: Database, here: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_out(Withdrawals(db, here), add_video(db, "film"))
    withdrawals = Withdrawals(db, here)

    def fail(prefix: str) -> Deleted:
        raise StoreError(f"could not delete {prefix}")

    monkeypatch.setattr(here, "delete_under", fail)
    with pytest.raises(StoreError):
        list(withdrawals.clear())
    assert [one.finished_at for one in withdrawals.tombstones()] == [None]
    monkeypatch.undo()
    list(withdrawals.clear())
    assert [one.finished_at is None for one in withdrawals.tombstones()] == [False]


def test_many_at_once_and_two_at_once(db: Database, here: ObjectStore) -> None:
    videos = [add_video(db, f"film {n}", "cut") for n in range(250)]
    for video in videos[:5]:
        add_clips(db, video, [50])
    for n in range(250):
        here.put_bytes(f"videos/{content(f'film {n}')}/source.mp4", b"x")
    both = [Withdrawals(db, here) for _ in range(2)]
    errors: list[BaseException] = []

    def work(mine: Withdrawals, ids: list[int]) -> None:
        try:
            take_out(mine, *ids)
            list(mine.clear())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(mine, ids)) for mine, ids in zip(both, (videos, videos[::-1]))]  # noqa: B905
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert keys(here) == []
    assert len(list(both[0].tombstones())) == 250
    assert all(one.finished_at is not None for one in both[0].tombstones())
    check_tallies(db)


def test_names(db: Database, here: ObjectStore) -> None:
    film, other = add_video(db, "film"), add_video(db, "other")
    withdrawals = Withdrawals(db, here)
    named = withdrawals.named([str(film), "/videos/other", "77", "/videos/none"])
    assert (named.videos, named.sources, named.unknown) == ((film, other), (), ("77", "/videos/none"))
    take_out(withdrawals, film)
    for name in (str(film), "/videos/film", content("film")):
        assert withdrawals.named([name]).sources == ("/videos/film",)
    with pytest.raises(RuleError, match="a reason has at most 1000 characters"):
        take_out(withdrawals, other, reason="x" * 1001)
