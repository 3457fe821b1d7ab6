"""The Status tab in a browser."""

import hashlib
from collections.abc import Callable

from playwright.sync_api import Page, expect
from psycopg.types.json import Jsonb
from rows import add_clips, add_video, rows
from served import Site
from working import Driver

from heaters.core.pipeline import STAGES
from heaters.errors import MediaError

Open = Callable[..., Page]


def test_failures_open_and_are_retried(empty_site: Site, open_page: Open) -> None:
    for name in ("one", "two", "three"):
        add_video(empty_site.database, name)
    driver, download = Driver(empty_site.database, empty_site.context.settings), STAGES["download"]
    driver.finish(download, driver.claim(download), lambda _: MediaError("<b>not</b> a video"))
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
    assert rows(empty_site.database, "select 1 from failures") == []


def test_the_page_of_a_video_shows_what_runs_and_failed(empty_site: Site, open_page: Open) -> None:
    db = empty_site.database
    video = add_video(db, "film", "cut")
    add_clips(db, video, [30, 60])
    driver = Driver(db, empty_site.context.settings)
    driver.drain("keyframes")
    driver.finish(STAGES["facts"], driver.claim(STAGES["facts"]), lambda item: MediaError(f"clip {item.id} is dark"))
    driver.claim(STAGES["embed"])
    page = open_page(empty_site.url, path=f"/?tab=status&video={video}")
    page.watched.expected.append("/frames/")  # type: ignore[attr-defined]  # there is no film
    path = page.locator(".s-path li")
    expect(path.filter(has_text="keyframes")).to_have_attribute("data-state", "done")
    expect(path.filter(has_text="facts")).to_have_text("facts0 of 3, 3 gave up")
    expect(path.filter(has_text="embed")).to_have_text("embed0 of 3, 3 running")
    expect(page.get_by_text("3 items · attempt 1 · for")).to_be_visible()
    expect(page.get_by_text("MediaError: clip 1 is dark").first).to_be_visible()
    page.get_by_role("button", name="Retry what failed").click()
    expect(page.get_by_text("What failed: 3 items are due again")).to_be_visible()
    expect(path.filter(has_text="facts")).to_have_text("facts0 of 3")


def test_the_page_of_a_video_lists_its_shapes(empty_site: Site, open_page: Open) -> None:
    video = add_video(empty_site.database, "call", "downloaded")
    shapes = [[0, 640, 360], *([25 * n, 320, 180 + n] for n in range(1, 6))]
    with empty_site.database.transaction() as tx:
        tx.execute("update videos set shapes = %s, proxy_key = null where id = %s", (Jsonb(shapes), video))
    page = open_page(empty_site.url, path=f"/?tab=status&video={video}")
    listed = "320 × 181 from frame 25, 320 × 182 from frame 50, 320 × 183 from frame 75, and 2 more changes"
    expect(page.get_by_text(listed)).to_be_visible()


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
    expect(page.locator(".s-path li[data-state=done]")).to_have_count(8)
    expect(page.locator(".s-run").filter(has_text="detect").first).to_be_visible()
    page.locator(".s-run").filter(has_text="detect").first.locator("summary").click()
    expect(page.get_by_text("transnetv2").first).to_be_visible()
    expect(page.get_by_text("30 vectors, 30 measured, 30 files")).to_be_visible()
    page.get_by_role("link", name="Its clips").click()
    expect(page.get_by_text("of 30 clips")).to_be_visible()


def test_an_operator_withdraws_a_video(empty_site: Site, open_page: Open) -> None:
    db = empty_site.database
    video = add_video(db, "film", "cut")
    add_clips(db, video, [30, 60])
    empty_site.context.store.put_bytes(f"videos/{hashlib.sha256(b'film').hexdigest()}/source.mp4", b"film")
    page = open_page(empty_site.url, path=f"/?tab=status&video={video}")
    page.watched.expected.append("/frames/")  # type: ignore[attr-defined]  # there is no film
    page.get_by_role("button", name="Withdraw…").click()
    dialog = page.get_by_role("dialog", name="Withdraw the video")
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_have_count(0)
    assert rows(db, "select id from videos") == [{"id": video}]
    page.get_by_role("button", name="Withdraw…").click()
    dialog.get_by_label("Reason").fill("rights ended")
    dialog.get_by_label("Reason").press("Enter")
    expect(page.get_by_role("heading", name="Withdrawn", exact=True)).to_be_visible()
    expect(page.get_by_text(f"Video {video}: 1 objects, 4 B deleted.")).to_be_visible()
    assert rows(db, "select id from videos") == []
    assert rows(db, "select reason from withdrawn") == [{"reason": "rights ended"}]
    assert list(empty_site.context.store.list()) == []
