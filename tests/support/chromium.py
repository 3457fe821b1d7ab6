"""A Chromium of the system, without a window: for the tests, the benchmark of the UI and the screenshots."""

import shutil
from collections.abc import Sequence

from playwright.sync_api import Browser, Playwright

# The shell first: the whole browser, headless, also starts processes for the toolbars and side panels that nobody sees.
PROGRAMS = ("chromium-headless-shell", "chromium")


def program() -> str | None:
    """The path of the browser; None without one."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


# Without a graphics card Chromium turns video into RGB by a library whose BT.709 is up to 12 levels of blue off.
# OpenGL, here by software, does it exactly, as on a reviewer's machine.
EXACT_COLOURS = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


def launch(playwright: Playwright, options: Sequence[str] = ("--disable-gpu",)) -> Browser:
    """Start the browser. Raises RuntimeError without one."""
    found = program()
    if found is None:
        raise RuntimeError(f"there is no {' and no '.join(PROGRAMS)} (apt-get install {PROGRAMS[0]})")
    return playwright.chromium.launch(executable_path=found, args=["--no-sandbox", *options])
