"""What is known of the clip on the screen: facts, and the decided clips most like it. It never holds a decision up."""

from collections.abc import Callable
from typing import Any

import pytest
from browser import SIZES, scrolls, serious_faults
from client import client
from made import add_facts, approve
from playwright.sync_api import Page, Route, expect
from reviewing import Reviewer
from rows import add_clips, add_video
from searchable import make_searchable
from served import Site

Opener = Callable[..., Page]


def decide(site: Site, clip: int, state: str) -> None:
    with site.database.transaction() as tx:
        tx.execute("update clips set state = %s::clip_state, reviewed_by = 'ann' where id = %s", (state, clip))


def about(site: Site, clip: int) -> dict[str, Any]:
    with client(site) as anyone:
        answer = anyone.get(f"/api/review/clips/{clip}/about")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def test_facts_in_words(empty_site: Site) -> None:
    clips = add_clips(empty_site.database, add_video(empty_site.database, "film", "cut"), [50])
    measured = {
        "motion": 0.0213,
        "brightness": 0.52,
        "sharpness": 0.004,
        "black_share": 0.25,
        "frozen_share": 0.0,
        "loudness_dbfs": -23.4,
    }
    add_facts(empty_site.database, clips[:1], [measured], empty_site.context.settings.variant("facts"))
    facts = {fact["label"]: fact for fact in about(empty_site, clips[0])["facts"]}
    assert {label: fact["text"] for label, fact in facts.items()} == {
        "Motion": "0.021",
        "Brightness": "0.52",
        "Sharpness": "0.004",
        "Black": "25 %",
        "Frozen": "0 %",
        "Loudness": "−23 dB",
    }
    assert {label for label, fact in facts.items() if fact["is_odd"]} == {"Sharpness", "Black"}
    assert facts["Black"]["share"] == 0.25
    assert "share of the frames that are black" in facts["Black"]["title"]
    assert about(empty_site, clips[1]) == {"facts": None, "like": None}


def test_a_silent_film_has_no_loudness(empty_site: Site) -> None:
    (clip,) = add_clips(empty_site.database, add_video(empty_site.database, "film", "cut"), [])
    measured = {"motion": 0.5, "brightness": 0.5}
    add_facts(empty_site.database, [clip], [measured], empty_site.context.settings.variant("facts"))
    facts = {fact["label"]: fact["text"] for fact in about(empty_site, clip)["facts"]}
    assert (facts["Loudness"], facts["Black"]) == ("no sound", "–")


def test_the_decided_clips_that_are_nearest(empty_site: Site) -> None:
    video = add_video(empty_site.database, "film", "cut")
    clips = add_clips(empty_site.database, video, list(range(10, 100, 10)))
    vectors = {clip: (1.0, n / 10, 0.0) for n, clip in enumerate(clips)}
    make_searchable(empty_site.database, empty_site.context.settings, vectors)
    assert about(empty_site, clips[0])["like"] == []
    approve(empty_site.database, [clips[2], clips[9]])
    decide(empty_site, clips[3], "review_skipped")
    decide(empty_site, clips[5], "review_archived")
    decide(empty_site, clips[6], "review_skipped")
    like = about(empty_site, clips[0])["like"]
    assert [(clip["id"], clip["state"]) for clip in like] == [
        (clips[2], "review_approved"),
        (clips[3], "review_skipped"),
        (clips[5], "review_archived"),
        (clips[6], "review_skipped"),
    ]
    scores = [clip["score"] for clip in like]
    assert scores == sorted(scores, reverse=True)
    assert about(empty_site, clips[2])["like"][0]["id"] == clips[3]  # not itself


def test_nobody_is_told(guarded_site: Site) -> None:
    with client(guarded_site) as nobody:
        assert nobody.get("/api/review/clips/1/about").status_code == 401


def test_strange_numbers(empty_site: Site) -> None:
    with client(empty_site) as anyone:
        assert anyone.get("/api/review/clips/4711/about").json() == {"facts": None, "like": None}
        for wrong in ("0", "x", str(2**70)):
            assert anyone.get(f"/api/review/clips/{wrong}/about").status_code == 422


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_facts_and_the_like_are_shown(
    site: Site, open_page: Opener, library: Any, size: tuple[int, int], theme: str
) -> None:
    """The library's other film has the same five photos, all of them approved but one lion."""
    lion = decide_one_lion(site, library)
    page = open_page(site.url, path=f"/?video={library.photos}", size=size)
    reviewer = Reviewer(page).ready()
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    expect(page.locator(".rv-measured dt")).to_have_text(
        ["Motion", "Brightness", "Sharpness", "Black", "Frozen", "Loudness"]
    )
    expect(page.locator(".rv-measured dd").last).to_have_text("no sound")
    posters = page.locator(".rv-poster")
    expect(posters).to_have_count(4)
    expect(page.locator("[data-part=like-words]")).to_have_text("approved 3 · skipped 1")
    assert not scrolls(page)
    reviewer.press("a")
    reviewer.saved()
    expect(posters).to_have_count(4)
    assert serious_faults(page) == []
    reviewer.press("u")
    poster = page.get_by_role("button", name=f"Clip {lion}, skipped: searchable")
    expect(poster).to_be_visible()
    poster.click()
    reviewer.shows(lion)
    assert "skipped" in reviewer.text("verdict")


def decide_one_lion(site: Site, library: Any) -> int:
    """Skip the searchable film's clip that is nearest to the first photo; its number."""
    with site.database.transaction() as tx:
        row = tx.execute(
            "select id from clips where video_id = %s order by start_frame limit 1", (library.photos,)
        ).fetchone()
    assert row is not None
    nearest = about(site, row["id"])["like"][0]["id"]
    decide(site, nearest, "review_skipped")
    return int(nearest)


def page_waits(page: Page, is_so: Callable[[], bool]) -> None:
    """Wait until something is so; handlers of routes run meanwhile."""
    for _ in range(500):
        if is_so():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it never came")


def test_nothing_is_shown_where_nothing_is_known(site: Site, open_page: Opener, library: Any) -> None:
    with site.database.transaction() as tx:
        tx.execute("delete from embeddings")
        tx.execute("delete from facts")
    page = open_page(site.url, path=f"/?video={library.photos}")
    with page.expect_response("**/about"):
        Reviewer(page).ready()
    for part in ("measured", "like-section"):
        expect(page.locator(f"[data-part={part}]")).to_be_hidden()


def test_decisions_do_not_wait_for_it(site: Site, open_page: Opener, library: Any) -> None:
    """Its answers never come: every key still shows the next clip, and who goes on at once asks for nothing."""
    page = open_page(site.url, path="/login")
    asked: list[str] = []

    def keep(route: Route) -> None:
        asked.append(route.request.url)

    page.route("**/about", keep)
    page.goto(f"{site.url}/?video={library.photos}")
    reviewer = Reviewer(page).ready()
    page_waits(page, lambda: len(asked) == 1)
    clips = [reviewer.clip]
    waits = page.evaluate(
        """async () => {
            const root = document.querySelector(".rv");
            const waits = [];
            for (let n = 0; n < 3; n++) {
                const before = root.dataset.clip;
                const begun = performance.now();
                document.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
                while (root.dataset.clip === before || root.dataset.shown !== root.dataset.clip) {
                    if (performance.now() - begun > 5000) throw new Error("no next clip");
                    await new Promise((resolve) => requestAnimationFrame(resolve));
                }
                waits.push(performance.now() - begun);
            }
            return waits;
        }"""
    )
    assert max(waits) < 1000
    reviewer.saved()
    page_waits(page, lambda: len(asked) == 2)
    clips.append(reviewer.clip)
    assert asked == [f"{site.url}/api/review/clips/{clip}/about" for clip in clips]


def test_an_answer_that_comes_late_is_not_shown_for_another_clip(site: Site, open_page: Opener, library: Any) -> None:
    page = open_page(site.url, path="/login")
    late: list[Route] = []
    page.route("**/about", lambda route: late.append(route), times=1)
    page.goto(f"{site.url}/?video={library.photos}")
    reviewer = Reviewer(page).ready()
    first = reviewer.clip
    page_waits(page, lambda: len(late) == 1)
    reviewer.press("a")
    page.wait_for_function(f"() => document.querySelector('.rv').dataset.clip !== '{first}'")
    expect(page.locator(".rv-poster")).to_have_count(4)
    shown = page.locator(".rv-like").inner_html()
    late[0].fulfill(json={"facts": None, "like": None})
    page.wait_for_timeout(300)
    assert page.locator(".rv-like").inner_html() == shown
