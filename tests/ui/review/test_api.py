"""The routes of review over HTTP: what they answer, what they refuse, and in which words."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from made import add_files
from psycopg.types.json import Jsonb
from rows import one, rows
from served import Site

HEADER = "x-forwarded-user"


class Caller:
    """Posts as a reviewer, as the page does."""

    def __init__(self, client: httpx.Client, name: str) -> None:
        self._client = client
        self._name = name
        self._keys = 0

    def __call__(self, path: str, code: int = 200, **body: Any) -> dict[str, Any]:
        answer = self._client.post(f"/api/review/{path}", json=body, headers={HEADER: self._name})
        assert answer.status_code == code, answer.text
        return answer.json()

    def act(self, action: str, card: dict[str, Any], code: int = 200, **more: Any) -> dict[str, Any]:
        self._keys += 1
        body = {"key": f"key-{self._name}-{self._keys}", "clip": card["id"], "version": card["version"], **more}
        return self("act", code, action=action, **body)


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site(ui_proxy="127.0.0.1", ui_proxy_header=HEADER)


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, headers={"origin": site.url}) as client:
        yield client


@pytest.fixture
def ann(client: httpx.Client) -> Caller:
    return Caller(client, "ann")


@pytest.fixture
def ben(client: httpx.Client) -> Caller:
    return Caller(client, "ben")


def test_a_card_holds_the_frame_times_of_the_clip_and_its_neighbours(ann: Caller, site: Site, library: Any) -> None:
    first, second, *_ = ann("open", videos=[library.photos])["clips"]
    assert first["window"] == [first["start_frame"], second["end_frame"]]
    ticks = [first["times"]["first_tick"]]
    for step, count in first["times"]["runs"]:
        ticks += [ticks[-1] + step * n for n in range(1, count + 1)]
    pts = "select start_pts, end_pts from clips where id = any (%(i)s::bigint[]) order by start_frame"
    stored = rows(site.database, pts, {"i": [first["id"], second["id"]]})
    middle = first["end_frame"] - first["start_frame"]
    assert (ticks[0], ticks[middle], ticks[-1]) == (
        stored[0]["start_pts"],
        stored[1]["start_pts"],
        stored[1]["end_pts"],
    )
    assert first["next"]["id"] == second["id"]
    assert first["previous"] is None
    assert len(first["curves"]) == 2
    assert first["problem"] == ""


def test_a_card_has_the_shape_of_its_clip(ann: Caller, site: Site, library: Any) -> None:
    first, second, *_ = ann("open", videos=[library.photos])["clips"]
    shapes = [[0, 640, 360], [second["start_frame"] + 1, 360, 640]]
    with site.database.transaction() as tx:
        tx.execute("update videos set shapes = %s where id = %s", (Jsonb(shapes), library.photos))
    found = ann("open", videos=[library.photos])["clips"]
    sizes = {card["id"]: (card["width"], card["height"]) for card in found}
    assert (sizes[first["id"]], sizes[second["id"]]) == ((640, 360), (360, 640))


def test_the_same_key_is_the_same_answer(ann: Caller, site: Site) -> None:
    card = ann("open")["clips"][0]
    body = {"key": "the-same-key", "clip": card["id"], "version": card["version"], "action": "approve"}
    before = one(site.database, "select count(*) from review_events")
    assert ann("act", **body) == ann("act", **body)
    assert one(site.database, "select count(*) from review_events") == before + 1


def test_another_reviewers_key_is_not_mine(ann: Caller, ben: Caller, site: Site) -> None:
    mine, his = ann("open", n=1)["clips"][0], ben("open", n=1)["clips"][0]
    for caller, card in ((ann, mine), (ben, his)):
        answer = caller("act", key="guessed-key", clip=card["id"], version=1, action="skip")
        assert [clip["id"] for clip in answer["changed"]] == [card["id"]]


def test_a_split_counts_from_the_clips_start_and_gives_the_children(ann: Caller, library: Any) -> None:
    card = ann("open", videos=[library.photos])["clips"][2]
    answer = ann.act("split", card, frame=4)
    spans = [(clip["start_frame"], clip["end_frame"]) for clip in answer["clips"]]
    start, end = card["start_frame"], card["end_frame"]
    assert spans == [(start, start + 4), (start + 4, end)]
    assert [clip["held_by"] for clip in answer["clips"]] == [None, None]
    moved = ann.act("move", answer["clips"][1], frame=-2)
    assert [clip["end_frame"] for clip in moved["clips"]] == [start + 2, end]
    merged = ann.act("merge", moved["clips"][1])
    assert [(c["start_frame"], c["end_frame"]) for c in merged["clips"]] == [(start, end)]
    for what in ("merge", "move", "split"):
        undone = ann("undo", key=f"undo-{what}")
        assert undone["of"] == what
    assert [clip["id"] for clip in undone["clips"]] == [card["id"]]
    assert ann("redo", key="redo-once")["of"] == "split"


def test_refusals_say_what_became_of_the_clip(ann: Caller, ben: Caller, site: Site, library: Any) -> None:
    cards = ann("open", videos=[library.photos])["clips"]
    refused = ben.act("approve", cards[0], 409)
    assert refused["error"]["message"] == f"Clip {cards[0]['id']} is in ann's hands"
    assert refused["clip"]["held_by"] == "ann"
    ann.act("approve", cards[0])
    ann.act("split", cards[1], frame=3)
    ann("release", ids=[card["id"] for card in cards])
    refused = ben.act("skip", cards[0], 409)
    assert refused["error"] == {"type": "conflict", "message": f"Clip {cards[0]['id']} is already approved by ann"}
    assert ben.act("skip", cards[1], 409)["error"]["message"] == f"Clip {cards[1]['id']} is gone: ann has split it"
    assert "version 9 then" in ben.act("skip", {**cards[2], "version": 9}, 409)["error"]["message"]
    assert "strictly inside" in ben.act("split", cards[2], 409, frame=0)["error"]["message"]
    assert ann.act("approve", cards[0], 409)["error"]["message"].endswith("already approved by you")


def test_what_was_exported_cannot_be_taken_back(ann: Caller, site: Site, library: Any) -> None:
    first, second, *_ = ann("open", videos=[library.photos])["clips"]
    ann.act("approve", second)
    ann.act("approve", first)
    add_files(site.database, [first["id"]], site.context.settings.export_profile, [b"film"])
    refused = ann("undo", 409, key="undo-too-late")["error"]["message"]
    assert "export" in refused
    assert one(site.database, "select state::text from clips where id = %(i)s", {"i": first["id"]}) == "review_approved"


def test_renewing_says_what_is_lost(ann: Caller, ben: Caller, site: Site, library: Any) -> None:
    cards = ann("open", videos=[library.photos], n=2)["clips"]
    ids = [card["id"] for card in cards]
    assert ann("renew", ids=ids) == {"mine": sorted(ids), "lost": []}
    ann("release", ids=ids)
    ben("open", videos=[library.photos], n=1)
    answer = ann("renew", ids=ids)
    assert answer["lost"] == [{"id": i, "message": f"Clip {i} is in ben's hands"} for i in ids]


def test_one_unreadable_table_costs_its_clip_alone(ann: Caller, site: Site, library: Any) -> None:
    with site.database.transaction() as tx:
        tx.execute("update videos set pts_key = 'not/there' where id = %(v)s", {"v": library.photos})
    cards = ann("open", n=20)["clips"]
    broken = [card for card in cards if card["video_id"] == library.photos]
    assert broken
    assert all("cannot be read" in card["problem"] for card in broken)
    assert all(card["problem"] == "" for card in cards if card["video_id"] != library.photos)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("act", {"key": "long-enough", "clip": 1, "version": 1, "action": "undo"}, 422),
        ("act", {"key": "long-enough", "clip": 1, "version": 1, "action": "'; drop table clips; --"}, 422),
        ("act", {"key": "short", "clip": 1, "version": 1, "action": "skip"}, 422),
        ("act", {"key": "x' or '1'='1", "clip": 1, "version": 1, "action": "skip"}, 422),
        ("act", {"key": "long-enough", "clip": 1.5, "version": 1, "action": "skip"}, 422),
        ("act", {"key": "long-enough", "clip": 2**70, "version": 1, "action": "skip"}, 422),
        ("act", {"key": "long-enough", "clip": 4711, "version": 1, "action": "skip"}, 400),
        ("act", {"key": "long-enough", "clip": 4711, "version": 1, "action": "split", "frame": 2**40}, 422),
        ("lease", {"n": 10_000}, 422),
        ("lease", {"n": 1, "have": ["1"]}, 422),
        ("open", {"more": 1}, 422),
        ("clips/4711", {}, 404),
        ("clips/0", {}, 422),
        ("undo", {"key": "nothing-there"}, 409),
        ("redo", {"key": "nothing-there"}, 409),
    ],
)
def test_bad_requests_are_refused_in_one_shape(ann: Caller, path: str, body: dict[str, Any], code: int) -> None:
    error = ann(path, code, **body)["error"]
    assert error["message"]
    assert error["type"]


def test_nobody_and_other_origins_get_nothing(client: httpx.Client, site: Site) -> None:
    paths = ["open", "lease", "act", "undo", "redo", "renew", "release", "past", "clips/1"]
    for path in paths:
        assert client.post(f"/api/review/{path}", json={}).status_code == 401
        named = {HEADER: "ann", "origin": "https://elsewhere.example"}
        assert client.post(f"/api/review/{path}", json={}, headers=named).status_code == 403
    assert client.get("/api/review/videos").status_code == 401
