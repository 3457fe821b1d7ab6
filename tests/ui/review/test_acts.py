"""Acts by keyboard in a real browser: each once, in order, undone exactly, and never lost on the way."""

from collections.abc import Callable
from typing import Any

import pytest
from browser import intercept
from playwright.sync_api import Page, Route, expect
from reviewing import Reviewer, sent
from rows import one, rows
from served import Site

from heaters.core.states import ReviewAction
from heaters.store.db import Database
from heaters.store.leases import Leases
from heaters.store.review import Reviews
from heaters.store.tracks import Tracks

Opener = Callable[..., Page]


@pytest.fixture
def reviewer(site: Site, open_page: Opener, library: Any) -> Reviewer:
    """At the film of five photos."""
    return Reviewer(open_page(site.url, path=f"/?video={library.photos}")).ready()


def actions(db: Database) -> list[str]:
    return [
        row["action"]
        for row in rows(
            db,
            "select action::text from review_events order by id",
        )
    ]


def content(db: Database, video: int) -> list[dict[str, Any]]:
    """Everything a reader of the film's active clips can see, except versions."""
    columns = "id, start_frame, end_frame, state::text, group_id, reviewed_by, reviewed_at"
    return rows(
        db,
        f"select {columns} from clips where video_id = %(v)s and retired_at is null order by start_frame",
        {"v": video},
    )


def test_each_letter_acts_once_and_repeats_add_nothing(reviewer: Reviewer, site: Site, library: Any) -> None:
    acts = sent(reviewer.page, "act")
    reviewer.page.watched.expected += ["409"]  # type: ignore[attr-defined]
    before = len(actions(site.database))
    clips = [row["id"] for row in content(site.database, library.photos)]
    for key, clip in zip(("a", "s", "r", "g"), clips, strict=False):
        reviewer.shows(clip)
        reviewer.hold(key, 6)
    reviewer.shows(clips[4])
    reviewer.saved()
    assert [(act["action"], act["clip"]) for act in acts] == list(
        zip(("approve", "skip", "archive", "group"), clips, strict=False)
    )
    # The clip before the fourth is archived: it cannot be grouped with, and the fourth comes back.
    reviewer.notice("is already archived")
    assert actions(site.database)[before:] == ["approve", "skip", "archive"]
    states = [row["state"] for row in content(site.database, library.photos)]
    assert states == ["review_approved", "review_skipped", "review_archived", "pending_review", "pending_review"]


def test_six_presses_forty_milliseconds_apart_are_six_events_in_order(
    site: Site, open_page: Opener, library: Any
) -> None:
    reviewer = Reviewer(open_page(site.url)).ready()
    before = len(actions(site.database))
    for key in "asrasr":
        reviewer.press(key)
        reviewer.page.wait_for_timeout(40)
    reviewer.saved()
    assert actions(site.database)[before:] == ["approve", "skip", "archive"] * 2


def test_five_undos_restore_five_clips_exactly_also_from_the_empty_screen_and_after_a_reload(
    reviewer: Reviewer, site: Site, library: Any
) -> None:
    states = [content(site.database, library.photos)]
    clip = reviewer.clip
    reviewer.press("Home", "Shift+ArrowRight", "Enter")
    reviewer.page.wait_for_function(f"() => document.querySelector('.rv').dataset.clip !== '{clip}'")
    for key in ("a", "s", "m", "a", "r", "a", "s"):  # the third merges with the skipped clip before it
        states.append(content(site.database, library.photos))
        reviewer.press(key)
        reviewer.saved()
    reviewer.state("empty")
    assert reviewer.text("veil-title") == "All clips reviewed"
    for state in reversed(states[4:]):
        reviewer.press("u")
        reviewer.saved()
        assert content(site.database, library.photos) == state
    reviewer.page.reload()
    reviewer.ready()
    for state in reversed(states[:4]):
        reviewer.press("Control+z")
        reviewer.saved()
        assert content(site.database, library.photos) == state
    reviewer.press("Control+Shift+Z")
    reviewer.saved()
    assert len(content(site.database, library.photos)) == 6
    reviewer.page.wait_for_timeout(100)
    assert reviewer.page.locator(".rv-did").count() == 1


def test_a_server_that_is_busy_three_times_loses_and_doubles_nothing(reviewer: Reviewer, site: Site) -> None:
    answers = [503, 503, 503, 0]

    def answer(route: Route) -> None:
        code = answers.pop(0) if answers else 0
        if code:
            route.fulfill(status=code, body="busy")
            return
        if len(answers) == 0 and not lost:
            lost.append(1)
            route.fetch()  # the server does it, and its answer is lost
            route.abort()
            return
        route.continue_()

    lost: list[int] = []
    reviewer.page.watched.expected += ["503", "ERR_FAILED"]  # type: ignore[attr-defined]
    intercept(reviewer.page, "**/api/review/act", answer)
    before, clip = len(actions(site.database)), reviewer.clip
    reviewer.press("a")
    reviewer.page.wait_for_selector('.rv[data-save="retrying"]')
    assert "Retrying" in reviewer.text("save")
    assert reviewer.clip != clip, "the reviewer goes on meanwhile"
    reviewer.press("s")
    reviewer.saved()
    assert reviewer.text("save") == "Saved"
    assert actions(site.database)[before:] == ["approve", "skip"]


def test_what_is_not_sent_yet_outlives_a_reload(reviewer: Reviewer, site: Site) -> None:
    reviewer.page.watched.expected += ["ERR_", "Failed to fetch"]  # type: ignore[attr-defined]
    reviewer.page.on("dialog", lambda dialog: dialog.accept())  # "leave the page?"
    intercept(reviewer.page, "**/api/review/act", lambda route: route.abort())
    before = len(actions(site.database))
    reviewer.press("a", "s")
    reviewer.page.wait_for_selector('.rv[data-save="retrying"]')
    reviewer.page.unroute("**/api/review/act")
    reviewer.page.route("**/api/review/act", lambda route: route.continue_())
    reviewer.page.reload()
    reviewer.ready()
    assert actions(site.database)[before:] == ["approve", "skip"]


def test_offline_and_back(reviewer: Reviewer, site: Site) -> None:
    reviewer.page.watched.expected += ["ERR_INTERNET_DISCONNECTED"]  # type: ignore[attr-defined]
    before = len(actions(site.database))
    reviewer.page.context.set_offline(True)
    reviewer.press("a", "r")
    reviewer.page.wait_for_selector('.rv[data-save="offline"]')
    reviewer.page.get_by_text("Offline · 2 waiting").wait_for()
    reviewer.page.context.set_offline(False)
    reviewer.saved()
    assert actions(site.database)[before:] == ["approve", "archive"]


def test_a_clip_decided_elsewhere_is_said_and_the_reviewer_goes_on(reviewer: Reviewer, site: Site) -> None:
    clip = reviewer.clip
    held_by = one(site.database, "select reviewer from review_leases where clip_id = %(i)s", {"i": clip})
    Leases(site.database).release(held_by)
    reviews = Reviews(site.database, Tracks(site.context.store))
    reviews.act(ReviewAction.APPROVE, clip, reviewer="ben", request_key="elsewhere")
    reviewer.page.watched.expected += ["409"]  # type: ignore[attr-defined]
    reviewer.press("s")
    reviewer.notice(f"Clip {clip} is already approved by ben")
    assert reviewer.clip != clip
    assert one(site.database, "select state::text from clips where id = %(i)s", {"i": clip}) == "review_approved"


def test_later_puts_a_clip_at_the_end_and_undo_brings_it_back(reviewer: Reviewer, site: Site, library: Any) -> None:
    first = reviewer.clip
    clips = [row["id"] for row in content(site.database, library.photos)]
    reviewer.press("d")
    reviewer.shows(clips[1])
    reviewer.press("u")
    reviewer.shows(first)
    reviewer.press("d")
    for clip in clips[1:]:
        reviewer.shows(clip)
        reviewer.press("a")
    reviewer.shows(first)


def test_keys_pressed_while_an_answer_is_awaited_count_for_what_comes(reviewer: Reviewer, site: Site) -> None:
    def slow(route: Route) -> None:
        reviewer.page.wait_for_timeout(300)
        route.continue_()

    before, clip = len(actions(site.database)), reviewer.clip
    intercept(reviewer.page, "**/api/review/act", slow, times=1)
    reviewer.press("Home", "Shift+ArrowRight", "Enter")
    reviewer.press("a", "s")  # for the two children, which are not there yet
    reviewer.page.wait_for_function(f"() => document.querySelector('.rv').dataset.clip !== '{clip}'")
    reviewer.page.wait_for_timeout(300)
    reviewer.saved()
    assert actions(site.database)[before:] == ["split", "approve", "skip"]
    states = "select state::text from clips where parents = array[%(p)s::bigint] order by start_frame"
    assert [row["state"] for row in rows(site.database, states, {"p": clip})] == ["review_approved", "review_skipped"]


def test_confirm_mode_asks_for_enter(reviewer: Reviewer, site: Site) -> None:
    before, clip = len(actions(site.database)), reviewer.clip
    reviewer.press("o")
    reviewer.page.get_by_label("Ask for Enter").check()
    reviewer.close_sheet()
    reviewer.press("a")
    expect(reviewer.page.locator("[data-part=badge]")).to_have_text("Approve? Enter confirms · Esc cancels")
    reviewer.press("Escape", "s", "Enter")
    reviewer.page.wait_for_function(f"() => document.querySelector('.rv').dataset.clip !== '{clip}'")
    reviewer.saved()
    assert actions(site.database)[before:] == ["skip"]


def test_a_key_right_after_a_sheet_closed_counts(reviewer: Reviewer, site: Site) -> None:
    before, clip = len(actions(site.database)), reviewer.clip
    reviewer.press("o")
    reviewer.page.get_by_label("Ask for Enter").focus()
    # The closed sheet's field keeps the focus until the browser paints: then a real key goes to it.
    reviewer.page.evaluate(
        """() => {
            const field = document.activeElement;
            field.closest("dialog").close();
            field.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
        }"""
    )
    reviewer.page.wait_for_function(f"() => document.querySelector('.rv').dataset.clip !== '{clip}'")
    reviewer.saved()
    assert actions(site.database)[before:] == ["approve"]


def test_letters_off_leaves_buttons_arrows_and_control(reviewer: Reviewer, site: Site) -> None:
    before, clip = len(actions(site.database)), reviewer.clip
    reviewer.press("o")
    reviewer.page.get_by_label("Single letters act").uncheck()
    reviewer.close_sheet()
    reviewer.press("a", "s", "r", "u")
    reviewer.page.get_by_role("button", name="Approve", exact=True).click()
    reviewer.page.wait_for_function(f"() => document.querySelector('.rv').dataset.clip !== '{clip}'")
    reviewer.press("Control+z")
    reviewer.shows(clip)
    assert actions(site.database)[before:] == ["approve", "undo"]
    reviewer.press("ArrowRight")
    reviewer.state("split")
