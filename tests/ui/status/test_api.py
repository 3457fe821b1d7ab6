"""The board and its buttons, by the Status tab's routes."""

from collections.abc import Callable, Sequence

import pytest
from client import client, signed_in
from made import approve
from rows import add_clips, add_video, one, rows
from served import Site
from working import Driver

from heaters.core.pipeline import PIPELINE, STAGES
from heaters.errors import FetchError, MediaError, StageError
from ui.status.board import Board


def fail(site: Site, names: Sequence[str], error: Callable[[str], StageError] = MediaError) -> list[int]:
    """Videos whose download failed; the numbers of the failures."""
    videos = [add_video(site.database, name) for name in names]
    driver = Driver(site.database, site.context.settings, scope=videos)
    stage = STAGES["download"]
    driver.finish(stage, driver.claim(stage), lambda item: error(f"{item.source} is <b>bad</b>"))
    found = rows(site.database, "select id from failures where video_id = any (%(v)s) order by id", {"v": videos})
    return [row["id"] for row in found]


def test_the_board_counts(empty_site: Site) -> None:
    db = empty_site.database
    clips = add_clips(db, add_video(db, "cut", "cut"), [50])
    add_video(db, "new")
    fail(empty_site, ["broken"])
    approve(db, clips[:1])
    driver = Driver(db, empty_site.context.settings)
    driver.drain("keyframes", "embed")
    held = driver.claim(STAGES["facts"])
    assert held
    with client(empty_site) as anyone:
        board = anyone.get("/api/status/board").json()
        stages = {stage["stage"]: stage for stage in board["stages"]}
        assert list(stages) == [stage.name for stage in PIPELINE]
        counts = {name: [s[k] for k in ("waiting", "running", "dead", "done")] for name, s in stages.items()}
        assert counts["download"] == [1, 0, 1, 1]
        assert counts["keyframes"] == [0, 0, 0, 2]
        assert counts["facts"] == [0, 2, 0, 0]
        assert counts["embed"] == [0, 0, 0, 2]
        assert counts["review"] == [1, 0, 0, 1]
        assert counts["export"] == [1, 0, 0, 0]
        assert stages["review"]["oldest_seconds"] >= 0
        assert stages["download"]["oldest_seconds"] >= 0
        assert stages["embed"]["oldest_seconds"] is None
        assert [(f["stage"], f["error_type"], f["dead"], f["n"]) for f in board["failures"]] == [
            ("download", "MediaError", True, 1)
        ]
        assert board["failures"][0]["example"] == "/videos/broken is <b>bad</b>"
        holds = {driver["name"]: (driver["calls"], driver["items"]) for driver in board["drivers"]}
        assert holds == {"a": (1, 2)}
        assert board["machine"]["disks"][0]["total_bytes"] > 0
        assert anyone.get("/api/status/waiting").json() == {"clips": 1}


def test_the_board_says_why_stages_wait(empty_site: Site) -> None:
    with empty_site.database.transaction() as tx:
        tx.execute(
            "insert into drivers (name, expires_at, limits) values "
            '(\'here\', now() + interval \'1 minute\', \'{"embed": "CPUs", "facts": "slots"}\'), '
            "('gone', now() - interval '1 hour', '{\"export\": \"CPUs\"}')"
        )
    with client(empty_site) as anyone:
        board = anyone.get("/api/status/board").json()
    limits = {stage["stage"]: stage["limit"] for stage in board["stages"] if stage["limit"]}
    assert limits == {"embed": "CPUs", "facts": "slots"}
    assert {driver["name"]: driver["silent_seconds"] > 60 for driver in board["drivers"]} == {
        "here": False,
        "gone": True,
    }


def test_plots_tell_of_days_cuts_and_work(empty_site: Site) -> None:
    db = empty_site.database
    clips = add_clips(db, add_video(db, "cut", "cut"), [30, 60])
    approve(db, clips[:1])
    Driver(db, empty_site.context.settings).drain("keyframes", "facts")
    with client(empty_site) as anyone:
        plots = anyone.get("/api/status/plots").json()
    assert {row["what"]: row["n"] for row in plots["days"]} == {"made": 3, "review_approved": 1}
    assert [row["n"] for row in plots["confidence"]] == [2]
    assert {row["stage"]: row["n"] for row in plots["seconds"]} == {"keyframes": 1, "facts": 1}
    assert plots["seconds"][0]["quantiles"][2] == pytest.approx(0.1)  # seconds of one clip, not of the call


def test_kept_counts_are_summed_up(empty_site: Site) -> None:
    for n in range(5):
        add_clips(empty_site.database, add_video(empty_site.database, f"v{n}", "cut"), [50])
    assert one(empty_site.database, "select count(*) from tallies where name = 'clips pending_review'") == 5
    assert Board(empty_site.context).waiting() == 10
    assert one(empty_site.database, "select count(*) from tallies where name = 'clips pending_review'") == 1


def test_retry_one_a_kind_and_all(empty_site: Site) -> None:
    failures = fail(empty_site, ["a0", "a1", "a2"])
    fail(empty_site, ["b0", "b1", "b2"], FetchError)
    with client(empty_site) as anyone:
        for wish, items in (
            ({"ids": failures[:1]}, 1),
            ({"stage": "download", "error_type": "FetchError"}, 3),
            ({"videos": [2]}, 1),
            ({}, 1),
            ({}, 0),
        ):
            assert anyone.post("/api/status/retry", json=wish).json() == {"items": items}, wish
        assert rows(empty_site.database, "select id from failures") == []
        for wrong in ({"stage": "nonsense"}, {"ids": ["1"]}, {"other": 1}, {"ids": [2**70]}):
            assert anyone.post("/api/status/retry", json=wrong).status_code in (400, 422), wrong


def test_failures_of_a_kind_page(empty_site: Site) -> None:
    failures = fail(empty_site, [f"v{n}" for n in range(55)])
    fail(empty_site, ["other"], FetchError)
    with client(empty_site) as anyone:
        given = {"stage": "download", "dead": True, "error_type": "MediaError"}
        first = anyone.get("/api/status/failures", params=given).json()["failures"]
        second = anyone.get("/api/status/failures", params={**given, "before": first[-1]["id"]}).json()["failures"]
        assert [failure["id"] for failure in first + second] == failures[::-1]
        assert (first[0]["title"], first[0]["clip_id"], first[0]["dead"]) == ("", 0, True)
        retried = {"stage": "download", "dead": False, "error_type": "FetchError"}
        (failure,) = anyone.get("/api/status/failures", params=retried).json()["failures"]
        assert failure["retry_in_seconds"] > 0


def test_the_page_of_a_video(empty_site: Site) -> None:
    fail(empty_site, ["broken"])
    with client(empty_site) as anyone:
        found = anyone.get("/api/status/videos/1").json()
        assert found["video"]["source"] == "/videos/broken"
        assert found["failures"][0]["error"] == "/videos/broken is <b>bad</b>"
        assert [(run["stage"], run["status"]) for run in found["runs"]] == [("download", "failed")]
        assert anyone.get("/api/status/videos/1/runs").json() == {"runs": []}
        for wrong in ("0", "99", str(2**70), "-1"):
            assert anyone.get(f"/api/status/videos/{wrong}").status_code == 404


def test_the_page_of_a_video_says_how_far_its_clips_are(empty_site: Site) -> None:
    db = empty_site.database
    video = add_video(db, "cut", "cut", frames=9000)
    clips = add_clips(db, video, [3000, 5000, 8000], frames=9000)
    add_clips(db, add_video(db, "other", "cut"), [50])
    approve(db, clips[:2])
    driver = Driver(db, empty_site.context.settings, scope=[video])
    driver.drain("keyframes")
    driver.finish(STAGES["facts"], driver.claim(STAGES["facts"]), lambda item: MediaError(f"clip {item.id}"))
    driver.claim(STAGES["embed"], most=1)
    with client(empty_site) as anyone:
        found = anyone.get(f"/api/status/videos/{video}").json()
        runs = anyone.get(f"/api/status/videos/{video}/runs").json()["runs"]
    stages = {stage["stage"]: stage for stage in found["stages"]}
    assert (stages["keyframes"]["done"], stages["facts"]["dead"], stages["embed"]["running"]) == (4, 4, 2)
    assert (stages["review"]["done"], stages["review"]["waiting"], stages["export"]["waiting"]) == (2, 2, 2)
    assert found["clips"] == [{"state": "pending_review", "n": 2}, {"state": "review_approved", "n": 2}]
    assert found["made"] == {"facts": 0, "embed": 0, "export": 0}
    assert [failure["clip_id"] for failure in found["failures"]] == clips[::-1]
    assert [task["items"] for task in found["tasks"]] == [2]
    assert {(run["stage"], run["items"], run["failed_items"]) for run in runs} >= {("facts", 2, 2), ("keyframes", 2, 0)}


def test_videos_page_with_how_far_each_is(empty_site: Site) -> None:
    db = empty_site.database
    fail(empty_site, ["broken"])
    fail(empty_site, ["again"], FetchError)
    video = add_video(db, "cut", "cut")
    add_clips(db, video, [20, 40])
    driver = Driver(db, empty_site.context.settings, scope=[video])
    driver.drain("keyframes", "embed")
    driver.claim(STAGES["facts"])
    with client(empty_site) as anyone:
        answer = anyone.get("/api/status/videos").json()
        first, again, broken = answer["videos"]
        assert (first["clips"], first["waiting"], first["searchable"], first["running"]) == (3, 3, 3, "facts")
        assert (broken["error"], broken["dead"]) == ("MediaError: /videos/broken is <b>bad</b>", True)
        assert (again["running"], again["dead"]) == (None, False)
        assert answer["next"] is None
        one_by_number = anyone.get("/api/status/videos", params={"ids": [video]}).json()
        assert [v["id"] for v in one_by_number["videos"]] == [video]


def test_many_videos_come_in_pages(empty_site: Site) -> None:
    for n in range(53):
        add_video(empty_site.database, f"film {n}")
    with client(empty_site) as anyone:
        first = anyone.get("/api/status/videos", params={"words": "film"}).json()
        second = anyone.get("/api/status/videos", params={"words": "film", "before": first["next"]}).json()
    assert [video["id"] for video in first["videos"] + second["videos"]] == list(range(53, 0, -1))
    assert second["next"] is None


def test_addresses_are_shown_without_their_secrets(empty_site: Site) -> None:
    source = "https://ann:secret@example.org/v?token=abcdefabcdefabcdefabcdef"
    one(empty_site.database, "insert into videos (source) values (%(s)s) returning id", {"s": source})
    with client(empty_site) as anyone:
        for path in ("/api/status/videos", "/api/status/videos/1", "/api/query/videos"):
            text = anyone.get(path).text
            assert "example.org" in text
            assert "secret" not in text
            assert "abcdef" not in text


def test_finding_videos_takes_words_literally(empty_site: Site) -> None:
    for name in ("100%", "50_50", "other"):
        add_video(empty_site.database, name)
    with client(empty_site) as anyone:
        for words, count in (("%", 1), ("_", 1), ("OTHER", 1), ("", 3), ("'; drop table videos; --", 0)):
            assert len(anyone.get("/api/status/videos", params={"words": words}).json()["videos"]) == count, words


def test_operators_withdraw_and_reviewers_do_not(guarded_site: Site) -> None:
    db = guarded_site.database
    video = add_video(db, "film", "cut")
    add_clips(db, video, [50])
    path = f"/api/status/videos/{video}/withdraw"
    with signed_in(guarded_site, "ben") as ben:
        assert ben.post(path, json={}).status_code == 403
    with signed_in(guarded_site, "ann") as ann:
        assert ann.post(path, json={"reason": "x" * 1001}).status_code == 422
        done = ann.post(path, json={"reason": "rights ended"}).json()
        assert [(row["by"], row["reason"], row["clips"]) for row in done["withdrawn"]] == [("ann", "rights ended", 2)]
        assert done["unfinished"] == 0
        assert ann.get(f"/api/status/videos/{video}").status_code == 404
        assert ann.post(path, json={}).status_code == 404
    assert rows(db, "select from videos") == []
