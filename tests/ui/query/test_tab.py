"""The Query tab in a browser, on clips that the real pipeline embedded."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import intercept
from playwright.sync_api import Page, expect
from served import Site
from shots import photo

Open = Callable[..., Page]


def numbers(page: Page) -> list[str]:
    """The clips that are shown, by their links."""
    expect(page.locator(".q-open").first).to_be_visible()
    links = page.locator(".q-open").evaluate_all("all => all.map((each) => each.getAttribute('href'))")
    return [str(re.findall(r"clip=(\d+)", link)[0]) for link in links]


def settled(page: Page) -> None:
    expect(page.locator("[data-part=results][aria-busy]")).to_have_count(0)


def test_20_a_page_holds_no_video_keeps_its_order_and_comes_back(site: Site, open_page: Open) -> None:
    page = open_page(site.url, path="/?tab=query&q=a+lion")
    first = numbers(page)
    assert len(first) == 24
    assert page.locator("#query video").count() == 0
    scores = [float(text) for text in page.locator(".q-score").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2")).to_be_visible()
    settled(page)
    second = numbers(page)
    assert not set(first) & set(second)
    page.get_by_role("link", name="Previous").click()
    expect(page.get_by_text("Page 1")).to_be_visible()
    settled(page)
    assert numbers(page) == first
    page.go_back()
    expect(page.get_by_text("Page 2")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Page 2")).to_be_visible()
    settled(page)
    assert numbers(page) == second
    expect(page.get_by_label("What should be seen")).to_have_value("a lion")


def test_words_pictures_and_clips_add_up(site: Site, open_page: Open, tmp_path: Path) -> None:
    page = open_page(site.url, path="/?tab=query")
    photo("cat").save(tmp_path / "cat.png")
    expect(page.get_by_role("button", name="Picture…")).to_be_visible()
    page.locator("#query input[type=file]").set_input_files(tmp_path / "cat.png")
    expect(page.get_by_text("like picture")).to_be_visible()
    settled(page)
    cats = numbers(page)[:8]  # all that show it, each as near as the others
    page.get_by_role("button", name=f"More like clip {cats[0]}", exact=True).click()
    expect(page.get_by_text(f"like clip {cats[0]}")).to_be_visible()
    settled(page)
    assert set(numbers(page)[:5]) <= set(cats[1:])
    page.get_by_label("What should be seen").fill("a cup of coffee")
    page.get_by_role("button", name=f"look away from clip {cats[0]}").click()
    page.get_by_label("What should be seen").fill("a cup of coffee")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"unlike clip {cats[0]}")).to_be_visible()
    settled(page)
    assert not set(numbers(page)[:6]) & set(cats)
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_text(re.compile("of .* clips"))).to_be_visible()


def test_filters_sorts_and_nothing_found(site: Site, open_page: Open) -> None:
    page = open_page(site.url, path="/?tab=query")
    decision = page.get_by_label("Decision")
    expect(decision.locator("option")).to_have_text(["any", "to review", "approved", "skipped", "archived"])
    decision.select_option("pending_review")
    settled(page)
    expect(page.locator(".q-card .h-chip").first).to_have_text("to review")
    expect(page.locator(".q-file")).to_have_count(0)
    decision.select_option("review_approved")
    settled(page)
    expect(page.locator(".q-card .h-chip").first).to_have_text("approved")
    expect(page.locator(".q-file")).to_have_count(24)
    expect(page.get_by_text("1–24 of 30 clips")).to_be_visible()
    page.get_by_label("Sort").select_option("longest")
    settled(page)
    assert "sort=longest" in page.url
    page.get_by_label("Shortest, in seconds").fill("100")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No clip passes the filters")).to_be_visible()
    page.get_by_role("button", name="Without filters").click()
    expect(page.locator(".q-card").first).to_be_visible()
    settled(page)
    page.get_by_label("Facts").fill("motion>=0, brightness<=0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No clip passes the filters")).to_be_visible()
    assert "where=motion" in page.url
    page.watched.expected.append("status of 400")  # type: ignore[attr-defined]
    page.get_by_label("Facts").fill("speed>1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("a bound is FACT>=NUMBER")).to_be_visible()
    page.get_by_label("Facts").fill("motion>=0")
    page.keyboard.press("Enter")
    expect(page.locator(".q-card").first).to_be_visible()


def test_a_page_that_takes_several_answers_fills_by_itself(
    site: Site, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.query.browse.narrow", lambda *_: None)
    monkeypatch.setattr("ui.query.browse.LOOK_BY_ID", 4)
    page = open_page(site.url, path="/?tab=query&shortest=0.1&state=review_approved&sort=oldest")
    expect(page.get_by_text("Page 1")).to_be_visible()
    settled(page)
    first = numbers(page)
    assert len(first) == 24
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2")).to_be_visible()
    settled(page)
    rest = numbers(page)
    assert (len(rest), len({*first, *rest})) == (6, 30)
    page.reload()
    expect(page.get_by_text("Page 2")).to_be_visible()
    settled(page)
    assert numbers(page) == rest


def test_one_may_look_further_where_nothing_is_found_for_long(site: Site, open_page: Open) -> None:
    page = open_page(site.url, path="/?tab=query")
    settled(page)
    nothing = {"clips": [], "next": "e30", "is_full": False, "total": None, "is_more": True, "note": "", "how": ""}
    intercept(page, "**/api/query/clips*", lambda route: route.fulfill(json=nothing))
    page.get_by_label("Sort").select_option("oldest")
    expect(page.get_by_role("heading", name="Nothing found so far")).to_be_visible()
    page.unroute("**/api/query/clips*")
    page.get_by_role("button", name="Look further").click()
    expect(page.locator(".q-card").first).to_be_visible()


def test_clips_are_found_as_soon_as_they_have_vectors(site: Site, open_page: Open, library: Any) -> None:
    page = open_page(site.url, path=f"/?tab=query&q=a+lion&video={library.photos}")
    expect(page.locator(".q-card .h-chip").first).to_have_text("to review")
    with site.database.transaction() as tx:
        tx.execute("delete from embeddings")
    page.goto(f"{site.url}/?tab=query&q=a+lion")
    expect(page.get_by_role("heading", name="Nothing is searchable yet")).to_be_visible()
    expect(page.get_by_text("as soon as it has its vector, decided or not")).to_be_visible()


def test_hover_scrubs_and_a_click_opens_the_clip_in_context(site: Site, open_page: Open) -> None:
    page = open_page(site.url, path="/?tab=query&state=pending_review")
    numbers(page)
    card = page.locator(".q-open").first
    box = card.locator(".q-poster").bounding_box()
    assert box
    places = set()
    for share in (0.1, 0.5, 0.9):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        sprite = card.locator(".q-sprite")
        expect(sprite).to_be_visible()
        expect(sprite).to_have_css("background-image", re.compile("sprite"))
        places.add(sprite.evaluate("each => each.style.backgroundPosition"))
    assert len(places) == 3
    page.mouse.move(1, 1)
    expect(card.locator(".q-sprite")).to_have_count(0)
    wanted = numbers(page)[0]
    card.click()
    expect(page.get_by_role("tab", name="Review")).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(re.compile(f"tab=review.*clip={wanted}"))


def test_a_failing_search_is_said(site: Site, open_page: Open) -> None:
    page = open_page(site.url, path="/?tab=query")
    settled(page)
    page.watched.expected.append("status of 503")  # type: ignore[attr-defined]
    answer = '{"error": {"type": "unavailable", "message": "the database is away"}}'
    intercept(page, "**/api/query/clips*", lambda route: route.fulfill(status=503, body=answer))
    page.get_by_label("Sort").select_option("oldest")
    expect(page.get_by_text("the database is away")).to_be_visible()
    page.unroute("**/api/query/clips*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".q-card").first).to_be_visible()
