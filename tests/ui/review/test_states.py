"""Every state of the Review tab, as somebody sees it."""

from collections.abc import Callable
from typing import Any

import pytest
from browser import SIZES, intercept, scrolls, serious_faults
from playwright.sync_api import Page, Route
from reviewing import Reviewer
from served import Site

Opener = Callable[..., Page]


def open_review(site: Site, open_page: Opener, query: str = "", **options: Any) -> Reviewer:
    return Reviewer(open_page(site.url, path=f"/{query}", **options))


def hand_to_ben(site: Site, clip: int | None = None) -> None:
    """Another reviewer has a clip in hand, or all of them."""
    with site.database.transaction() as tx:
        tx.execute(
            "insert into review_leases (clip_id, video_id, reviewer, expires_at) "
            "select id, video_id, 'ben', now() + interval '5 min' from clips where id = coalesce(%(i)s::bigint, id) "
            "on conflict (clip_id) do update set reviewer = excluded.reviewer, expires_at = excluded.expires_at",
            {"i": clip},
        )


def test_the_first_clip_decodes_and_plays(site: Site, open_page: Opener) -> None:
    reviewer = open_review(site, open_page).ready()
    playing = """() => {
        const video = document.querySelector(".rv-video.is-front");
        return video.readyState >= 2 && !video.paused && video.videoWidth > 0;
    }"""
    assert reviewer.page.wait_for_function(playing)
    assert reviewer.data("state") == "playing"
    reviewer.press("Space")
    reviewer.state("paused")
    reviewer.press("Space")
    reviewer.state("playing")
    assert reviewer.page.locator("video").count() == 3


def test_loading_and_a_server_that_does_not_answer(site: Site, open_page: Opener) -> None:
    page = open_page(site.url, path="/login")
    page.watched.expected += ["503"]  # type: ignore[attr-defined]
    page.route("**/api/review/open", lambda route: route.fulfill(status=503, body=""))
    page.goto(site.url)
    reviewer = Reviewer(page)
    reviewer.state("loading")
    page.get_by_text("The server does not answer").wait_for()
    page.unroute("**/api/review/open")
    reviewer.ready()
    reviewer.saved()


def test_nothing_to_review_yet(empty_site: Site, open_page: Opener) -> None:
    reviewer = open_review(empty_site, open_page)
    reviewer.state("empty")
    assert reviewer.text("veil-title") == "Nothing to review yet"
    reviewer.page.watched.expected += ["409"]  # type: ignore[attr-defined]
    reviewer.press("u")
    reviewer.notice("has nothing to undo")


def test_a_proxy_on_its_way(site: Site, open_page: Opener, library: Any) -> None:
    with site.database.transaction() as tx:
        tx.execute("insert into videos (id, source) overriding system value values (999, '/videos/coming.mp4')")
    reviewer = open_review(site, open_page, "?video=999")
    reviewer.state("pending")
    assert reviewer.text("veil-title") == "The proxy is on its way"


def test_clips_in_other_hands_are_said(site: Site, open_page: Opener, library: Any) -> None:
    hand_to_ben(site)
    reviewer = open_review(site, open_page)
    reviewer.state("empty")
    assert "in other reviewers' hands" in reviewer.text("veil-text")


def test_a_clip_that_cannot_be_played(site: Site, open_page: Opener, library: Any) -> None:
    page = open_page(site.url, path="/login")
    page.watched.expected += ["404", "ERR_"]  # type: ignore[attr-defined]
    proxy = f"**/media/videos/{library.photos}/proxy*"
    page.route(proxy, lambda route: route.fulfill(status=404, body=""))
    page.goto(f"{site.url}/?video={library.photos}")
    reviewer = Reviewer(page)
    reviewer.state("problem")
    assert reviewer.text("veil-title") == "This clip cannot be played"
    clip = reviewer.clip
    reviewer.press("a")
    reviewer.notice("What cannot be seen is not approved")
    page.unroute(proxy)
    reviewer.press("Enter")
    reviewer.ready()
    reviewer.state("playing")
    assert reviewer.clip == clip


def test_a_lease_that_was_lost(site: Site, open_page: Opener) -> None:
    reviewer = open_review(site, open_page).ready()
    clip = reviewer.clip
    hand_to_ben(site, clip)
    reviewer.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    reviewer.notice(f"Clip {clip} is in ben's hands. Here is the next one")
    assert reviewer.clip != clip


def test_signed_out_in_the_middle(site: Site, open_page: Opener) -> None:
    reviewer = open_review(site, open_page).ready()
    reviewer.page.watched.expected += ["401"]  # type: ignore[attr-defined]
    refuse: Callable[[Route], None] = lambda route: route.fulfill(status=401, body="{}")  # noqa: E731
    intercept(reviewer.page, "**/api/review/**", refuse)
    reviewer.press("a")
    reviewer.state("signedout")
    assert reviewer.text("save") == "Signed out · 1 waiting"
    reviewer.page.unroute("**/api/review/**")
    reviewer.saved()
    reviewer.state("playing")


def test_a_deep_link_opens_its_clip_and_the_address_follows(site: Site, open_page: Opener, library: Any) -> None:
    with site.database.transaction() as tx:
        clips = [
            r["id"]
            for r in tx.execute(
                "select id from clips where video_id = %(v)s order by start_frame", {"v": library.photos}
            )
        ]
    reviewer = open_review(site, open_page, f"?clip={clips[3]}").ready()
    assert reviewer.clip == clips[3]
    reviewer.press("a")
    reviewer.page.wait_for_function(f"() => document.querySelector('.rv').dataset.clip !== '{clips[3]}'")
    assert f"clip={reviewer.clip}" in reviewer.page.url
    reviewer.page.locator(".rv-did").first.click()
    reviewer.shows(clips[3])
    assert "approved by" in reviewer.text("verdict")
    decided = open_review(site, open_page, "?clip=999999").ready()
    decided.notice("There is no clip 999999")


def test_typing_in_fields_does_nothing_and_the_browsers_shortcuts_live(site: Site, open_page: Opener) -> None:
    reviewer = open_review(site, open_page).ready()
    clip = reviewer.clip
    reviewer.press("o")
    reviewer.page.locator(".rv-options select").first.focus()
    reviewer.press("a", "s", "r", "d", "u")
    reviewer.press("Escape")
    reviewer.page.evaluate(
        "() => document.body.append(Object.assign(document.createElement('textarea'), { id: 'notes' }))"
    )
    reviewer.page.focus("#notes")
    reviewer.page.keyboard.type("a great shot of rain, undo / redo?")
    assert reviewer.page.input_value("#notes") == "a great shot of rain, undo / redo?"
    assert reviewer.clip == clip
    kept = """() => ["r", "t", "a", "s", "f", "l"].map((key) => {
        const event = new KeyboardEvent("keydown", { key, ctrlKey: true, cancelable: true, bubbles: true });
        return document.body.dispatchEvent(event);
    })"""
    assert all(reviewer.page.evaluate(kept))
    assert reviewer.clip == clip


@pytest.mark.parametrize(
    "title", ["<img src=x onerror=alert(1)>", "${alert(1)}", "{{constructor}}", "'; drop table clips; --"]
)
def test_titles_show_as_they_are(site: Site, open_page: Opener, library: Any, title: str) -> None:
    with site.database.transaction() as tx:
        tx.execute("update videos set title = %(t)s", {"t": title})
    reviewer = open_review(site, open_page, f"?video={library.photos}").ready()
    assert reviewer.text("title") == title
    reviewer.press("a")
    reviewer.saved()
    assert title in reviewer.text("recent")
    assert title in reviewer.text("queue")
    reviewer.press("o")
    reviewer.page.locator(f'.rv-options option[value="{library.photos}"]').wait_for(state="attached")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_scrolls_and_nobody_is_shut_out(
    site: Site, open_page: Opener, size: tuple[int, int], theme: str
) -> None:
    reviewer = open_review(site, open_page, size=size).ready()
    page = reviewer.page
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    reviewer.press("a", "s")
    reviewer.saved()
    assert not scrolls(page)
    assert serious_faults(page) == []
    reviewer.press("Home", "ArrowRight", "ArrowRight")
    reviewer.at(2)
    assert not scrolls(page)
    assert serious_faults(page) == []
    reviewer.press("Escape", "?")
    page.locator(".rv-sheet[open]").wait_for()
    assert serious_faults(page) == []
    reviewer.press("Escape")
