"""Two reviewers at once, in two browsers: nothing twice, nothing lost."""

from collections.abc import Callable

from playwright.sync_api import Page
from reviewing import Reviewer
from rows import one, rows
from served import Site
from waiting import wait_until

PROXIED = {"ui_proxy": "127.0.0.1", "ui_proxy_header": "x-forwarded-user"}


def test_two_reviewers_share_nothing(make_site: Callable[..., Site], open_page: Callable[..., Page]) -> None:
    """Every clip of the library, forty of them, by two who work as fast as they can."""
    site = make_site(**PROXIED)
    with site.database.transaction() as tx:
        tx.execute("update clips set state = 'pending_review', reviewed_by = null, reviewed_at = null")
        tx.execute("delete from review_events")
    total = one(site.database, "select count(*) from clips where retired_at is null")
    people = {
        name: Reviewer(open_page(site.url, extra_http_headers={"x-forwarded-user": name})) for name in ("ann", "ben")
    }
    for reviewer in people.values():
        reviewer.ready()

    def both_are_done() -> bool:
        for reviewer in people.values():
            if reviewer.data("state") == "playing":
                reviewer.press("a")
        return all(reviewer.data("state") == "empty" for reviewer in people.values())

    wait_until(both_are_done, "the last clip to be decided", 120)
    for reviewer in people.values():
        reviewer.saved()
    events = rows(site.database, "select reviewer, clip_ids[1] as clip from review_events")
    assert len(events) == len({event["clip"] for event in events}) == total
    assert {event["reviewer"] for event in events} == {"ann", "ben"}
    assert one(site.database, "select count(*) from clips where state = 'pending_review' and retired_at is null") == 0


def test_leaving_the_page_gives_the_clips_back(site: Site, open_page: Callable[..., Page]) -> None:
    reviewer = Reviewer(open_page(site.url)).ready()
    held = "select count(*) from review_leases where expires_at > now()"
    assert one(site.database, held) > 3
    reviewer.page.goto("about:blank")
    # But for neighbours, whose short lease runs out.
    wait_until(lambda: one(site.database, held) <= 2, "the clips to be given back")
