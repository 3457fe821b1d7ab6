"""The board and its buttons, by the Status tab's routes."""

from client import client
from rows import add_clips, add_video, one, rows
from served import Site

RUN = """
    insert into stage_runs
        (stage, subject, subject_id, video_id, attempt, status, worker, error_type, error, finished_at)
    values ('download', 'video', %(v)s, %(v)s, 1, %(status)s::run_status, 'w', %(kind)s, %(error)s, now()) returning id
"""


def fail(site: Site, name: str, status: str = "dead", kind: str = "MediaError") -> int:
    """A video whose download failed; the number of the run."""
    video = add_video(site.database, name)
    return int(one(site.database, RUN, {"v": video, "status": status, "kind": kind, "error": f"{name} is <b>bad</b>"}))


def test_the_board_counts(empty_site: Site) -> None:
    add_clips(empty_site.database, add_video(empty_site.database, "cut", "cut"), [50])
    add_video(empty_site.database, "new")
    fail(empty_site, "broken")
    with client(empty_site) as anyone:
        board = anyone.get("/api/status/board").json()
        stages = {stage["stage"]: stage for stage in board["stages"]}
        assert (stages["download"]["queued"], stages["download"]["dead"], stages["review"]["queued"]) == (1, 1, 2)
        assert stages["review"]["oldest_seconds"] >= 0
        assert [(f["stage"], f["error_type"], f["dead"], f["n"]) for f in board["failures"]] == [
            ("download", "MediaError", True, 1)
        ]
        assert board["machine"]["disks"][0]["total_bytes"] > 0
        assert anyone.get("/api/status/waiting").json() == {"clips": 2}
        plots = anyone.get("/api/status/plots").json()
        assert sum(row["n"] for row in plots["days"]) == 2
        assert sum(row["n"] for row in plots["confidence"]) == 1


def test_retry_one_a_kind_and_all(empty_site: Site) -> None:
    runs = [fail(empty_site, f"a{n}") for n in range(3)] + [
        fail(empty_site, f"b{n}", kind="FetchError") for n in range(3)
    ]
    with client(empty_site) as anyone:
        for wish, items in (
            ({"run_ids": [runs[0]]}, 1),
            ({"stage": "download", "error_type": "FetchError"}, 3),
            ({}, 2),
            ({}, 0),
        ):
            assert anyone.post("/api/status/retry", json=wish).json() == {"items": items}, wish
        assert rows(empty_site.database, "select id from stage_runs where not voided") == []
        for wrong in ({"stage": "nonsense"}, {"run_ids": ["1"]}, {"other": 1}, {"run_ids": [2**70]}):
            assert anyone.post("/api/status/retry", json=wrong).status_code in (400, 422), wrong


def test_failures_of_a_kind_page(empty_site: Site) -> None:
    runs = [fail(empty_site, f"v{n}") for n in range(55)]
    with client(empty_site) as anyone:
        given = {"stage": "download", "dead": True, "error_type": "MediaError"}
        first = anyone.get("/api/status/failures", params=given).json()["runs"]
        second = anyone.get("/api/status/failures", params={**given, "before": first[-1]["run_id"]}).json()["runs"]
        assert [run["run_id"] for run in first + second] == runs[::-1]


def test_the_page_of_a_video(empty_site: Site) -> None:
    fail(empty_site, "broken")
    with client(empty_site) as anyone:
        found = anyone.get("/api/status/videos/1").json()
        assert found["video"]["source"] == "/videos/broken"
        assert found["runs"][0]["error"] == "broken is <b>bad</b>"
        assert anyone.get("/api/status/videos/1/runs").json() == {"runs": []}
        for wrong in ("0", "99", str(2**70), "-1"):
            assert anyone.get(f"/api/status/videos/{wrong}").status_code == 404


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
