"""The application in a browser: it comes up by itself, quickly, whole, for everybody, at every size and in both themes.

Numbers in names are those of the interface's list of checks.
"""

import json
from collections.abc import Callable

import pytest
from browser import SIZES, scrolls, serious_faults
from client import PASSWORDS
from playwright.sync_api import Page, expect
from rows import one, rows
from served import Site

from heaters.core.pipeline import PIPELINE

Open = Callable[..., Page]
HOSTILE = "<img src=x onerror=document.title='broken'> ${document.title='broken'} {{7*7}} '; drop table clips; --"
# The address of every tab with something on it, and what says that it is drawn.
TABS = {
    "query": ("/?tab=query", ".q-card img"),
    "search": ("/?tab=query&q=a+lion", ".q-score"),
    "status": ("/?tab=status", ".s-plot svg"),
    "video": ("/?tab=status&video=1", ".s-path"),
    "submit": ("/?tab=submit", ".u-way"),
}
# Where titles stand.
TITLES = {
    "/?tab=query&video=1": ".q-card h3",
    "/?tab=status&video=1": ".s h1",
    "/?tab=status": ".s-title",
    "/?tab=submit": ".s-title",
}


def in_theme(page: Page, theme: str) -> None:
    if page.evaluate("document.documentElement.dataset.theme") != theme:
        page.get_by_role("button", name="Light or dark").click()


def test_1_2_every_tab_comes_up_without_a_word_elsewhere(site: Site, open_page: Open) -> None:
    page = open_page(site.url)
    expect(page.get_by_role("tab")).to_have_count(4)
    for name in ("Query", "Status", "Submit", "Review"):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        assert f"tab={name.lower()}" in page.url
    expect(page.get_by_role("tab", name="Review")).to_have_attribute(
        "data-count", str(one(site.database, "select count(*) from clips where state = 'pending_review'"))
    )
    page.go_back()
    expect(page.get_by_role("tab", name="Submit")).to_have_attribute("aria-selected", "true")
    # The open_page fixture holds the rest: no request elsewhere, no breach of the policy, no error.


def test_19_nothing_scrolls_and_everybody_can_use_it(site: Site, open_page: Open) -> None:
    page = open_page(site.url)
    faults: dict[str, list[str]] = {}
    for name, (path, drawn) in TABS.items():
        page.goto(site.url + path)
        expect(page.locator(drawn).first).to_be_attached()
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert not scrolls(page), (name, width)
        for theme in ("light", "dark"):
            in_theme(page, theme)
            if found := serious_faults(page):
                faults[f"{name}, {theme}"] = found
    assert not faults, json.dumps(faults, indent=1)


def test_19_twice_as_large_it_still_fits(site: Site, open_page: Open) -> None:
    page = open_page(site.url, size=(640, 360))
    for name, (path, drawn) in TABS.items():
        page.goto(site.url + path)
        expect(page.locator(drawn).first).to_be_attached()
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), name
        assert page.evaluate(
            "[...document.querySelectorAll('.h-scroll')].every(e => e.scrollWidth <= e.clientWidth)"
        ), name


def test_18_titles_and_names_show_literally(site: Site, open_page: Open) -> None:
    one(site.database, "update videos set title = %(t)s where id = 1 returning id", {"t": HOSTILE})
    one(
        site.database,
        "insert into videos (source, title) values (%(t)s, %(t)s) returning id",
        {"t": HOSTILE},
    )
    page = open_page(site.url)
    for path, place in TITLES.items():
        page.goto(site.url + path)
        expect(page.locator(place).filter(has_text=HOSTILE).first).to_have_text(HOSTILE)
    page.goto(site.url + "/?" + "tab=query&q=" + "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%24%7B1%7D")
    expect(page.get_by_label("What should be seen")).to_have_value("<img src=x onerror=alert(1)>${1}")
    assert page.locator("img[onerror]").count() == 0
    assert "broken" not in page.title()
    assert rows(site.database, "select 1 from clips limit 1")


def test_17_letters_in_fields_are_letters(site: Site, open_page: Open) -> None:
    page = open_page(site.url, path="/?tab=query")
    field = page.get_by_label("What should be seen")
    field.click()
    page.keyboard.type("a/s?rm")
    expect(field).to_have_value("a/s?rm")
    assert page.locator("dialog.h-dialog").count() == 0
    page.get_by_role("tab", name="Status").click()
    page.keyboard.press("?")
    expect(page.locator("dialog.h-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.h-dialog")).to_have_count(0)
    page.keyboard.press("/")
    expect(field).to_be_focused()


def test_offline_is_said_and_forgotten(site: Site, open_page: Open) -> None:
    page = open_page(site.url, path="/?tab=status")
    expect(page.locator(".s-board tbody tr")).to_have_count(len(PIPELINE))
    page.watched.expected.append("ERR_INTERNET_DISCONNECTED")  # type: ignore[attr-defined]
    page.context.set_offline(True)
    expect(page.locator(".h-offline")).to_be_visible()
    expect(page.locator(".s-board tbody tr")).to_have_count(len(PIPELINE))
    page.context.set_offline(False)
    expect(page.locator(".h-offline")).to_have_count(0)


def test_signing_in_and_out(guarded_site: Site, open_page: Open) -> None:
    page = open_page(guarded_site.url, path="/?tab=status")
    expect(page.get_by_role("heading", name="Sign in to Heaters")).to_be_visible()
    assert not serious_faults(page)
    page.watched.expected.append("401")  # type: ignore[attr-defined]
    page.get_by_label("Name").fill("ben")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    page.get_by_label("Password").fill(PASSWORDS["ben"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Pipeline")).to_be_visible()
    expect(page.get_by_text("No videos yet")).to_be_visible()
    page.get_by_role("tab", name="Submit").click()
    expect(page.get_by_text("Submitting needs an operator.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Heaters")).to_be_visible()


@pytest.mark.parametrize("tab", ["query", "status", "submit"])
def test_nothing_there_yet_is_said(empty_site: Site, open_page: Open, tab: str) -> None:
    page = open_page(empty_site.url, path=f"/?tab={tab}")
    expect(page.locator(".h-note h2").first).to_be_visible()
    assert not serious_faults(page)
