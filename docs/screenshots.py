"""Pictures of every tab and state, at two sizes, dark and light.

    python docs/screenshots.py OUT     (what `make screenshots` does)

Runs the pipeline on the sample reel and a few broken files in HEATERS_HOME, serves the UI there, and looks at it with
Chromium.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from chromium import launch

SIZES = ((1280, 720), (1440, 900))
THEMES = ("dark", "light")
HEATERS = (sys.executable, "-m", "heaters.cli.main")


def nothing(page: Page) -> None:
    """The state is the address's."""


def keys(*pressed: str) -> Callable[[Page], None]:
    """Press keys in turn."""

    def press(page: Page) -> None:
        for key in pressed:
            page.keyboard.press(key)
            page.wait_for_timeout(150)

    return press


def hover(page: Page) -> None:
    """The pointer over a poster."""
    page.locator(".q-open").nth(1).hover(position={"x": 150, "y": 60})
    expect(page.locator(".q-sprite")).to_be_visible()


def unfold(page: Page) -> None:
    """The failures of a kind."""
    page.locator(".s-fail summary b").first.click()


def plots(page: Page) -> None:
    """The lower half of the board."""
    page.locator(".s-plots").scroll_into_view_if_needed()


def lines(page: Page) -> None:
    """Lines of both sorts."""
    field = page.get_by_role("textbox", name="Addresses and paths")
    field.fill("https://example.org/watch?v=4\n/no/such/reel.mp4\nfilm.mp4\nhttp://169.254.169.254/")
    expect(page.locator(".u-checked li")).to_have_count(4)


def offline(page: Page) -> None:
    """The server away."""
    page.context.set_offline(True)
    expect(page.locator(".h-offline")).to_be_visible()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One state: its address, what shows that it is drawn, what to do then."""

    name: str
    path: str
    drawn: str
    act: Callable[[Page], None] = nothing


SHOTS = (
    Shot(name="review", path="/", drawn=".rv-poster"),
    Shot(name="review-split", path="/", drawn="video", act=keys("ArrowRight", "ArrowRight")),
    Shot(name="review-help", path="/", drawn="video", act=keys("?")),
    Shot(name="query", path="/?tab=query", drawn=".q-card img"),
    Shot(name="query-search", path="/?tab=query&q=a+wild+cat", drawn=".q-score", act=hover),
    Shot(name="query-undecided", path="/?tab=query&state=pending_review&sort=shuffled&seed=3", drawn=".q-card img"),
    Shot(name="query-nothing", path="/?tab=query&shortest=100", drawn=".h-note"),
    Shot(name="status", path="/?tab=status", drawn=".s-plot svg"),
    Shot(name="status-failures", path="/?tab=status", drawn=".s-fail", act=unfold),
    Shot(name="status-plots", path="/?tab=status", drawn=".s-plot svg", act=plots),
    Shot(name="status-offline", path="/?tab=status", drawn=".s-plot svg", act=offline),
    Shot(name="video", path="/?tab=status&video=1", drawn=".s-path"),
    Shot(name="submit", path="/?tab=submit", drawn=".u-way", act=lines),
    Shot(name="help", path="/?tab=status", drawn=".s-plot svg", act=keys("?")),
)


def main() -> int:
    """Exit code 2 for wrong usage."""
    if len(sys.argv) != 2 or not os.environ.get("HEATERS_HOME"):
        sys.stderr.write("usage: HEATERS_HOME=FOLDER python docs/screenshots.py OUT\n")
        return 2
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    fill(Path(os.environ["HEATERS_HOME"]))
    server = subprocess.Popen([*HEATERS, "ui", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+?(?=/)", server.stdout.readline())
        if not found:
            return 1
        with sync_playwright() as playwright:
            browser = launch(playwright)
            for theme in THEMES:
                for size in SIZES:
                    take(browser, found[0], out, theme, size)
            browser.close()
    finally:
        server.terminate()
        server.wait(20)
    return 0


def fill(home: Path) -> None:
    """Films at every stage: one searchable, one to review, one that is none. Does nothing the second time."""
    if (home / "sample.mp4").exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "heaters.sample", str(home / "sample.mp4")], check=True)
    (home / "broken.mp4").write_text("<!DOCTYPE html><title>Not found</title>")
    subprocess.run([*HEATERS, "run", str(home / "sample.mp4"), "--auto-approve"], check=True)
    subprocess.run([sys.executable, "-m", "heaters.sample", str(home / "second.mp4")], check=True)
    with (home / "second.mp4").open("ab") as film:
        film.write(bytes(8))  # other bytes, so another video
    subprocess.run([*HEATERS, "run", str(home / "second.mp4"), str(home / "broken.mp4")], check=False)


def take(browser: Browser, url: str, out: Path, theme: str, size: tuple[int, int]) -> None:
    """All states in one theme at one size."""
    for shot in SHOTS:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        context.add_init_script(f"localStorage.setItem('heaters.theme', '{theme}')")
        page = context.new_page()
        page.goto(url + shot.path)
        expect(page.locator(shot.drawn).first).to_be_visible(timeout=30_000)
        page.wait_for_timeout(1200)  # pictures come, films begin
        shot.act(page)
        page.wait_for_timeout(300)
        page.screenshot(path=out / f"{shot.name}-{theme}-{size[0]}.png")
        context.close()


if __name__ == "__main__":
    sys.exit(main())
