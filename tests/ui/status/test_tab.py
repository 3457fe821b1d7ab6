"""The Status tab in a browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from rows import add_video, one, rows
from served import Site

Open = Callable[..., Page]

RUN = """
    insert into stage_runs
        (stage, subject, subject_id, video_id, attempt, status, worker, error_type, error, finished_at)
    values ('download', 'video', %(v)s, %(v)s, 1, 'dead', 'w', 'MediaError', '<b>not</b> a video', now()) returning id
"""


def test_failures_open_and_are_retried(empty_site: Site, open_page: Open) -> None:
    for name in ("one", "two", "three"):
        one(empty_site.database, RUN, {"v": add_video(empty_site.database, name)})
    page = open_page(empty_site.url, path="/?tab=status")
    kind = page.locator(".s-fail")
    expect(kind).to_have_count(1)
    kind.locator("summary b").click()
    expect(kind.locator(".s-run")).to_have_count(3)
    expect(kind.locator(".s-error").first).to_have_text("MediaError: <b>not</b> a video")
    kind.locator(".s-run").first.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("1 item is due again")).to_be_visible()
    expect(kind.locator(".s-run")).to_have_count(2)
    page.get_by_role("button", name="Retry all").click()
    expect(page.get_by_text("2 items are due again")).to_be_visible()
    expect(kind).to_have_count(0)
    assert rows(empty_site.database, "select 1 from stage_runs where not voided") == []


def test_it_asks_only_while_it_is_seen(site: Site, open_page: Open) -> None:
    page = open_page(site.url, path="/?tab=status")
    with page.expect_response("**/api/status/board"):
        pass  # by itself, again and again
    page.get_by_role("tab", name="Submit").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(3):
        with page.expect_response("**/api/status/videos?*"):
            pass
    assert not [url for url in asked if "/api/status/board" in url]


def test_a_video_from_source_to_vectors(site: Site, open_page: Open) -> None:
    page = open_page(site.url, path="/?tab=status")
    page.get_by_role("link", name="searchable", exact=True).click()
    expect(page.get_by_role("heading", name="searchable")).to_be_visible()
    expect(page.locator(".s-path li[data-state=done]")).to_have_count(7)
    expect(page.locator(".s-run").filter(has_text="detect").first).to_be_visible()
    page.locator(".s-run").filter(has_text="detect").first.locator("summary").click()
    expect(page.get_by_text("transnetv2").first).to_be_visible()
    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name="Its clips").click()
    expect(page.get_by_text("of 30 clips")).to_be_visible()
