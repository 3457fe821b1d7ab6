"""The Submit tab in a browser."""

from collections.abc import Callable
from pathlib import Path

import barcode
from playwright.sync_api import Page, expect
from rows import rows
from served import Site

Open = Callable[..., Page]


def test_lines_are_checked_and_submitted(
    make_site: Callable[..., Site], database_url: str, open_page: Open, tmp_path: Path
) -> None:
    empty_site = make_site(database_url=database_url, ui_sources=(str(tmp_path),))
    film = barcode.write(tmp_path / "film.mp4", 5)
    page = open_page(empty_site.url, path="/?tab=submit")
    field = page.get_by_role("textbox", name="Addresses and paths")
    field.fill(f"{film}\nhttps://example.org/watch?v=1\n/no/such.mp4\n<img src=x onerror=alert(1)>")
    lines = page.locator(".u-checked li")
    expect(lines).to_have_count(4)
    expect(page.locator(".u-checked li.bad")).to_have_count(2)
    expect(lines.nth(3).locator("b")).to_have_text("<img src=x onerror=alert(1)>")
    page.get_by_role("button", name="Submit 2").click()
    expect(page.locator(".u-way")).to_have_count(2)
    expect(field).to_have_value("/no/such.mp4\n<img src=x onerror=alert(1)>")
    assert len(rows(empty_site.database, "select 1 from videos")) == 2
    page.reload()
    expect(page.get_by_text("submitted from here")).to_be_visible()
    expect(page.locator(".u-way")).to_have_count(2)


def test_files_and_manifests_are_taken(empty_site: Site, open_page: Open, tmp_path: Path) -> None:
    films = [barcode.write(tmp_path / f"{n}.mp4", 5, first_number=n) for n in range(3)]
    manifest = tmp_path / "list.csv"
    manifest.write_text("url\nhttps://example.org/1\nhttps://example.org/2\n")
    page = open_page(empty_site.url, path="/?tab=submit")
    expect(page.get_by_role("heading", name="Submit videos")).to_be_visible()
    page.locator("#submit input[type=file]").set_input_files([*films, manifest])
    expect(page.locator(".u-uploads li").filter(has_text="submitted")).to_have_count(3)
    expect(page.get_by_role("button", name="Submit 2")).to_be_enabled()
    titles = {row["title"] for row in rows(empty_site.database, "select title from videos")}
    assert titles == {"0", "1", "2"}
    page.locator("#submit input[type=file]").set_input_files(films[0])
    expect(page.locator(".u-uploads li").filter(has_text="known already")).to_have_count(1)
