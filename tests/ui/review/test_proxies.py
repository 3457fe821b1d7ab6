"""A video without a review proxy: its first clip is on the screen at once, and its proxy follows."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page
from reviewing import Reviewer
from rows import one, rows
from served import Site

Opener = Callable[..., Page]
FIRST_SECONDS = 3.0
# Something of the clip can be seen: a frame of the film, or the picture that stands in.
SEEN = """() => {
    const root = document.querySelector(".rv");
    if (!root) return false;
    const film = root.querySelector(".rv-video.is-front");
    const picture = root.querySelector("[data-part=picture] img");
    const filmed = film && root.dataset.shown === root.dataset.clip && film.videoWidth > 0;
    const pictured = root.dataset.picture === root.dataset.clip && picture.naturalWidth > 0 && picture.offsetParent;
    return root.dataset.clip && (filmed || pictured);
}"""


def without_proxy(site: Site, video: int, *, is_playable: bool) -> str:
    """Take a video's proxy away; returns its key."""
    key: str = one(site.database, "select proxy_key from videos where id = %(id)s", {"id": video})
    given = {"id": video, "playable": is_playable}
    statement = "update videos set proxy_key = null, is_playable = %(playable)s where id = %(id)s returning id"
    one(site.database, statement, given)
    return key


@pytest.mark.parametrize("is_playable", [True, False])
def test_the_first_clip_is_on_the_screen_within_three_seconds(
    site: Site, open_page: Opener, library: Any, is_playable: bool
) -> None:
    without_proxy(site, library.photos, is_playable=is_playable)
    page = open_page(site.url, path="/login")
    begun = time.monotonic()
    page.goto(f"{site.url}/?video={library.photos}")
    page.wait_for_function(SEEN, timeout=FIRST_SECONDS * 1000)
    assert time.monotonic() - begun < FIRST_SECONDS
    assert page.locator("[data-part=picture]").is_visible() != is_playable


def test_the_proxy_is_asked_for_and_played_as_soon_as_it_is_there(site: Site, open_page: Opener, library: Any) -> None:
    key = without_proxy(site, library.photos, is_playable=False)
    reviewer = Reviewer(open_page(site.url, path=f"/?video={library.photos}"))
    reviewer.page.wait_for_function(SEEN)
    reviewer.press("ArrowRight")
    reviewer.notice("as soon as the player is there")
    asked = "select video_id from changes where kind = 'watched'"
    reviewer.page.wait_for_timeout(500)
    assert rows(site.database, asked) == [{"video_id": library.photos}]
    given = {"id": library.photos, "key": key}
    one(site.database, "update videos set proxy_key = %(key)s where id = %(id)s returning id", given)
    reviewer.ready()
    assert not reviewer.page.locator("[data-part=picture]").is_visible()
    reviewer.press("Home", "ArrowRight")
    reviewer.at(1)


def test_a_clip_can_be_decided_by_its_picture(site: Site, open_page: Opener, library: Any) -> None:
    without_proxy(site, library.photos, is_playable=False)
    reviewer = Reviewer(open_page(site.url, path=f"/?video={library.photos}"))
    reviewer.page.wait_for_function(SEEN)
    first = reviewer.clip
    reviewer.press("a")
    reviewer.page.wait_for_function(f"() => document.querySelector('.rv').dataset.clip !== '{first}'")
    reviewer.page.wait_for_function(SEEN)
    reviewer.saved()
    state = "select state::text from clips where id = %(id)s"
    assert one(site.database, state, {"id": int(first)}) == "review_approved"


def test_a_master_that_the_browser_cannot_play_gives_way_to_the_picture(
    site: Site, open_page: Opener, library: Any
) -> None:
    without_proxy(site, library.photos, is_playable=True)
    page = open_page(site.url, path="/login")
    page.watched.expected += ["master"]  # type: ignore[attr-defined]
    page.route("**/media/videos/*/master", lambda route: route.fulfill(status=200, body=b"no film"))
    page.goto(f"{site.url}/?video={library.photos}")
    page.locator("[data-part=picture]").wait_for(state="visible")
    page.wait_for_function(SEEN)


def test_frames_of_a_master_are_those_of_the_proxy(site: Site, open_page: Opener, library: Any) -> None:
    """Bar-coded films whose frames say their numbers: the label and the picture agree on the master, too."""
    for name in ("b_frames", "vfr", "ntsc"):
        one(
            site.database,
            "update videos set proxy_key = null where id = %(id)s and is_playable returning id",
            {"id": library.bars[name]},
        )
        reviewer = Reviewer(open_page(site.url, path=f"/?video={library.bars[name]}")).ready()
        reviewer.press("Home")
        reviewer.at(0)
        walked = reviewer.walk("ArrowRight", 12, 1)
        assert [pair for pair in walked if pair[0] != pair[1]] == []
        assert [label for label, _ in walked] == list(range(1, 13))
