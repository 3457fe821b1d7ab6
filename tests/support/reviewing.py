"""A reviewer at the Review tab: presses keys, and reads what is on the screen, pixels included."""

from dataclasses import dataclass
from typing import Any

import barcode
import numpy as np
from playwright.sync_api import Page, TimeoutError

# What the front screen shows, as 48 × 32 grey values: eight by eight for each cell of a bar code.
LOOK = """() => {
    const video = document.querySelector(".rv-video.is-front");
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [48, 32];
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(video, 0, 0, 48, 32);
    const data = pen.getImageData(0, 0, 48, 32).data;
    return Array.from({ length: 48 * 32 }, (_, n) => data[4 * n]);
}"""

# For a failure: the tab's own words, and what lies in its outbox.
SHOWN = """() => ({
    ...document.querySelector(".rv").dataset,
    text: document.querySelector(".rv").innerText.slice(0, 600),
    outbox: { ...sessionStorage },
    focus: document.activeElement.outerHTML.slice(0, 100),
})"""

# Presses a key `count` times; after each, waits until the label has moved on and reads the picture at once.
WALK = """async ([key, count, step, look]) => {
    const root = document.querySelector(".rv");
    const seen = [];
    let wanted = Number(root.dataset.frame);
    for (let n = 0; n < count; n++) {
        wanted += step;
        document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        const begun = performance.now();
        while (Number(root.dataset.frame) !== wanted) {
            if (performance.now() - begun > 5000) throw new Error(`frame ${wanted} never came: ${root.dataset.frame}`);
            await new Promise((resolve) => setTimeout(resolve, 1));
        }
        seen.push([wanted, eval(look)()]);
    }
    return seen;
}"""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Drives one page."""

    page: Page

    def ready(self) -> "Reviewer":
        """Wait until a clip shows its first frame."""
        self.page.wait_for_selector('.rv[data-shown]:not([data-shown=""]) .rv-video.is-front')
        return self

    def state(self, *words: str) -> None:
        """Wait until the tab is in one of these states. Fails with what it shows instead."""
        try:
            self.page.wait_for_selector(", ".join(f'.rv[data-state="{word}"]' for word in words))
        except TimeoutError as error:
            shown = self.page.evaluate(SHOWN)
            raise AssertionError(f"the tab is not {' or '.join(words)} but shows {shown}") from error

    def saved(self) -> None:
        """Wait until everything is with the server."""
        self.page.wait_for_selector('.rv[data-save="saved"]')

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def close_sheet(self) -> None:
        """Escape, and wait until the sheet is gone: the browser closes it a moment after the key."""
        self.press("Escape")
        self.page.locator("dialog[open]").wait_for(state="detached")

    def shows(self, clip: int) -> None:
        """Wait until that clip is on the screen."""
        self.page.wait_for_selector(f'.rv[data-clip="{clip}"]')

    def at(self, frame: int) -> None:
        """Wait until the label names that frame of the clip."""
        self.page.wait_for_selector(f'.rv[data-frame="{frame}"]')

    def notice(self, text: str) -> None:
        """Wait for a notice that says so."""
        self.page.locator(".rv-notice", has_text=text).first.wait_for()

    @property
    def clip(self) -> int:
        return int(self.data("clip"))

    @property
    def frame(self) -> int:
        return int(self.data("frame"))

    def data(self, name: str) -> str:
        return str(self.page.evaluate("(name) => document.querySelector('.rv').dataset[name]", name))

    def text(self, part: str) -> str:
        return self.page.locator(f'[data-part="{part}"]').first.inner_text()

    def bars(self) -> int:
        """The number of the frame on the screen, from its pixels."""
        return bars_of(self.page.evaluate(LOOK))

    def walk(self, key: str, count: int, step: int) -> list[tuple[int, int]]:
        """Press a key so often; each time the label, and the number in the picture at that moment."""
        seen = self.page.evaluate(WALK, [key, count, step, LOOK])
        return [(label, bars_of(pixels)) for label, pixels in seen]

    def hold(self, key: str, repeats: int) -> None:
        """Hold a key down for so many auto-repeats."""
        for _ in range(repeats + 1):
            self.page.keyboard.down(key)
        self.page.keyboard.up(key)


def bars_of(pixels: list[int]) -> int:
    """The number in grey values as `LOOK` gives them."""
    return barcode.read_barcode(np.array(pixels, np.uint8).reshape(32, 48))


def sent(page: Page, path: str) -> list[dict[str, Any]]:
    """A list that from now on fills with the bodies of requests to a route of review."""
    bodies: list[dict[str, Any]] = []

    def note(request: Any) -> None:
        if request.url.endswith(f"/api/review/{path}"):
            bodies.append(request.post_data_json)

    page.on("request", note)
    return bodies
