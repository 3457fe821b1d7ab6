"""Browsing by the Query tab's routes: filters, orders, pages; and the pictures people search with."""

import io
from itertools import chain
from typing import Any

import httpx
import pytest
from client import client
from made import add_facts, add_files, approve
from PIL import Image
from rows import add_clips, add_video, one
from served import Site

from ui.query.browse import SORTS
from ui.query.listing import PAGE_SIZE

HOSTILE = "<img src=x onerror=alert(1)> ${7*7} {{7*7}} '; drop table clips; --"


def fill(site: Site) -> list[int]:
    """Two videos of 60 clips together, of two lengths."""
    clips: list[int] = []
    for name in (HOSTILE, "second"):
        video = add_video(site.database, name, "cut", frames=300)
        one(site.database, "update videos set title = %(t)s where id = %(v)s returning id", {"t": name, "v": video})
        clips += add_clips(site.database, video, list(range(10, 300, 10)), frames=300)
    return clips


def pages(anyone: httpx.Client, **given: Any) -> list[list[int]]:
    """The clips of every page, by the cursors."""
    found, cursor = [], ""
    while True:
        answer = anyone.get("/api/query/clips", params={**given, "cursor": cursor}).json()
        found.append([clip["id"] for clip in answer["clips"]])
        cursor = answer["next"]
        if not cursor:
            return found


def flat(found: list[list[int]]) -> list[int]:
    return list(chain.from_iterable(found))


def test_every_order_pages_through_all_clips_once(empty_site: Site) -> None:
    clips = fill(empty_site)
    with client(empty_site) as anyone:
        for sort in SORTS:
            found = pages(anyone, sort=sort, seed=7)
            assert [len(page) for page in found] == [PAGE_SIZE, PAGE_SIZE, 60 - 2 * PAGE_SIZE]
            assert sorted(flat(found)) == sorted(clips), sort
            third = anyone.get("/api/query/clips", params={"sort": sort, "seed": 7, "page": 3}).json()
            assert [clip["id"] for clip in third["clips"]] == found[2], sort
        assert flat(pages(anyone, sort="shuffled", seed=7)) != flat(pages(anyone, sort="shuffled", seed=8))


def test_pages_stay_while_clips_arrive(empty_site: Site) -> None:
    fill(empty_site)
    with client(empty_site) as anyone:
        first = anyone.get("/api/query/clips", params={"sort": "newest"}).json()
        expected = anyone.get("/api/query/clips", params={"sort": "newest", "page": 2}).json()["clips"]
        add_clips(empty_site.database, add_video(empty_site.database, "third", "cut"), [50])
        second = anyone.get("/api/query/clips", params={"sort": "newest", "cursor": first["next"]}).json()["clips"]
        assert second == expected


def test_filters(empty_site: Site) -> None:
    clips = fill(empty_site)
    one(empty_site.database, "update clips set state = 'review_skipped' where id = %(i)s returning id", {"i": clips[3]})
    with client(empty_site) as anyone:
        second = one(empty_site.database, "select id from videos where title = 'second'")
        assert sorted(flat(pages(anyone, video=second))) == clips[30:]
        assert pages(anyone, state="review_skipped") == [[clips[3]]]
        assert anyone.get("/api/query/clips", params={"shortest": 0.5}).json()["total"] == 0
        assert anyone.get("/api/query/clips", params={"longest": 0.5}).json()["total"] == 60
        settings = empty_site.context.settings.variant("facts")
        add_facts(empty_site.database, clips[1:3], [{"motion": 0.5}, {"motion": 0.01}], settings)
        add_facts(empty_site.database, clips[4:5], [{"motion": 0.7}], "of other settings")
        assert pages(anyone, where="motion>=0.1") == [[clips[1]]]
        assert sorted(flat(pages(anyone, where="motion>=0, motion<=0.5"))) == clips[1:3]
        assert anyone.get("/api/query/clips", params={"where": "motion>=0, black_share<=1"}).json()["total"] == 0


def test_cards_say_what_was_decided_and_whether_there_is_a_file(empty_site: Site) -> None:
    clips = fill(empty_site)
    approve(empty_site.database, clips[:2])
    add_files(empty_site.database, clips[:1], empty_site.context.settings.export_profile, [b"film"])
    with client(empty_site) as anyone:
        found = anyone.get("/api/query/clips", params={"sort": "oldest"}).json()["clips"][:3]
    assert [(clip["state"], clip["file_profile"]) for clip in found] == [
        ("review_approved", "copy"),
        ("review_approved", None),
        ("pending_review", None),
    ]


def test_an_answer_that_is_not_full_goes_on(empty_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = fill(empty_site)
    monkeypatch.setattr("ui.query.browse.narrow", lambda *_: None)
    monkeypatch.setattr("ui.query.browse.LOOK_BY_ID", 20)
    given: dict[str, Any] = {"sort": "oldest", "shortest": 0, "longest": 9}
    with client(empty_site) as anyone:
        first = anyone.get("/api/query/clips", params=given).json()
        more = {"cursor": first["next"], "count": PAGE_SIZE - len(first["clips"])}
        second = anyone.get("/api/query/clips", params=given | more).json()
        assert anyone.get("/api/query/clips", params=given | {"count": 25}).status_code == 400
    assert (first["is_full"], second["is_full"], first["total"]) == (False, True, 10_000)
    assert [clip["id"] for clip in first["clips"] + second["clips"]] == clips[:PAGE_SIZE]


STRANGE: tuple[tuple[dict[str, Any], int], ...] = (
    ({"sort": "title; drop table clips"}, 400),
    ({"cursor": "nonsense"}, 400),
    ({"cursor": "WyIxIiwgInh4Il0"}, 400),
    ({"state": "'; --"}, 400),
    ({"video": 2**70}, 422),
    ({"clip": "1 or 1=1"}, 400),
    ({"image": "../../../etc/passwd"}, 400),
    ({"image": "0" * 40}, 400),
    ({"page": 10**9}, 400),
    ({"seed": 10**30}, 400),
    ({"shortest": "nan"}, 422),
    ({"where": "motion>="}, 400),
    ({"where": "motion>=1e999"}, 400),
    ({"where": "speed>=1; drop table clips"}, 400),
    ({"q": "x" * 3000}, 422),
    ({"clip": "5"}, 400),
    ({"q": HOSTILE}, 200),
)


def test_strange_wishes_are_answered(empty_site: Site) -> None:
    with client(empty_site) as anyone:
        for given, code in STRANGE:
            answer = anyone.get("/api/query/clips", params=given)
            assert answer.status_code == code, (given, answer.text)
            if code != 200:
                assert answer.json()["error"]["message"]


def test_titles_come_as_they_are(empty_site: Site) -> None:
    fill(empty_site)
    with client(empty_site) as anyone:
        titles = {
            clip["title"] for page in (1, 2, 3) for clip in anyone.get(f"/api/query/clips?page={page}").json()["clips"]
        }
        assert titles == {HOSTILE, "second"}


def send(anyone: httpx.Client, data: bytes) -> httpx.Response:
    return anyone.post("/api/query/images", content=data, headers={"content-type": "application/octet-stream"})


def test_a_picture_is_kept_small_and_upright(empty_site: Site) -> None:
    memory = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by 90°
    Image.new("RGB", (3000, 1000), "red").save(memory, "JPEG", exif=exif)
    with client(empty_site) as anyone:
        first, second = send(anyone, memory.getvalue()), send(anyone, memory.getvalue())
        assert first.json() == second.json()
        kept = anyone.get(f"/media/pictures/{first.json()['image']}")
        with Image.open(io.BytesIO(kept.content)) as picture:
            assert picture.size == (256, 768)


NO_PICTURES = (
    b"",
    b"<svg onload=alert(1)>",
    b"\x89PNG\r\n\x1a\n" + bytes(100),
    b"GIF89a" + b"\xff" * 50,
    bytes(10_000),
)


def test_what_is_no_picture_is_refused(empty_site: Site) -> None:
    with client(empty_site) as anyone:
        for data in NO_PICTURES:
            answer = send(anyone, data)
            assert answer.status_code == 400
            assert "picture" in answer.json()["error"]["message"]


def test_a_bomb_is_refused(empty_site: Site) -> None:
    memory = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(memory, "PNG")
    with client(empty_site) as anyone:
        assert send(anyone, memory.getvalue()).status_code == 400
        assert send(anyone, bytes(26 * 2**20)).status_code == 413
