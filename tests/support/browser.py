"""Chromium, and what a page does wrong by itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from chromium import EXACT_COLOURS, PROGRAMS, launch, program
from playwright.sync_api import Browser, Page, Playwright, Route
from requirements import require

SIZES = ((1280, 720), (1440, 900))


def start_chromium(playwright: Playwright, *, exact_colours: bool = False) -> Browser:
    """A browser without a window. Skips (or fails, where promised) without one on the machine."""
    if program() is None:
        require("browser", f"there is no Chromium (apt-get install {PROGRAMS[0]})")
    return launch(playwright, EXACT_COLOURS) if exact_colours else launch(playwright)


@dataclass(kw_only=True)
class Watched:
    """What goes wrong on pages: requests elsewhere, errors of scripts, breaches of the policy.

    `expected` are parts of complaints that a test provokes on purpose.
    """

    origin: str
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        page.on("request", lambda request: self._request(request.url))

    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(part in text for part in self.expected)]

    def _request(self, url: str) -> None:
        if not url.startswith((f"{self.origin}/", "data:", "blob:")):
            self.complaints.append(f"request elsewhere: {url}")

    def _console(self, message: Any) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.complaints.append(f"console: {message.text} ({message.location.get('url', '')})")


# Asks for the page again until the answer is the route's.
THROUGH = """async () => {
    while ((await fetch("/login?intercepted", { cache: "no-store" })).headers.get("x-intercepted") !== "yes")
        await new Promise((resolve) => setTimeout(resolve, 20));
}"""


def intercept(page: Page, pattern: str, handler: Callable[[Route], None], **options: Any) -> None:
    """`page.route` on a page that is open, and wait until it holds.

    Chromium gives the page another loader a moment after `route` has returned; a request of that moment goes the old
    way, and the test waits for an answer that never was.
    """
    page.route("**/login?intercepted", lambda route: route.fulfill(status=200, headers={"x-intercepted": "yes"}))
    page.route(pattern, handler, **options)
    page.evaluate(THROUGH)


def serious_faults(page: Page) -> list[str]:
    """Serious and critical findings of axe-core on the page as it is, each with where and why."""
    found = Axe().run(page).response
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def scrolls(page: Page) -> bool:
    """Whether the page itself scrolls, either way."""
    script = """() => {
        const page = document.scrollingElement;
        return page.scrollHeight > innerHeight || page.scrollWidth > innerWidth;
    }"""
    return bool(page.evaluate(script))
