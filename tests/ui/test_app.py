"""The application as a whole: it comes up, by itself and quickly."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from served import Site


def test_the_page_comes_up_with_four_tabs(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page(site.url)
    expect(page.get_by_role("tab")).to_have_count(4)
