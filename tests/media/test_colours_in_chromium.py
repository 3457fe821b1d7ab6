"""Proxy, stills and exports as Chromium shows them on a page: the eight patches read back."""

import base64
from collections.abc import Iterator
from pathlib import Path

import colours
import numpy as np
import pytest
from browser import start_chromium
from playwright.sync_api import Browser, Page, sync_playwright
from prepared_source import Source, make

from heaters.media.cutting import export_clip
from heaters.media.profiles import copy_master
from heaters.media.samples import SampleTrack
from heaters.media.target import USUAL, Target

pytestmark = pytest.mark.browser

MOST_LEVELS = 4.0
# The colours of the eight patches in the page's one element.
DRAWN = """async () => {
    const element = document.querySelector("video, img");
    if (element.tagName === "VIDEO") {
        await new Promise((resolve, reject) => {
            element.onerror = () => reject(element.error.message);
            if (element.readyState >= 2) resolve(); else element.onloadeddata = resolve;
        });
        await new Promise((resolve) => { element.onseeked = resolve; element.currentTime = 0.1; });
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    } else {
        await element.decode();
    }
    const [width, height] = [element.videoWidth || element.naturalWidth, element.videoHeight || element.naturalHeight];
    const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d");
    context.drawImage(element, 0, 0);
    const colours = [];
    for (let patch = 0; patch < 8; patch++) {
        const data = context.getImageData(Math.round((patch + 0.5) * width / 8) - 2, height / 2 - 2, 4, 4).data;
        colours.push([0, 1, 2].map((channel) => {
            let sum = 0;
            for (let at = channel; at < data.length; at += 4) sum += data[at];
            return sum / 16;
        }));
    }
    return colours;
}"""
# What Chromium plays itself of the sources here.
PLAYED = ("untagged_sd", "untagged_hd", "tagged_709_sd", "tagged_601_hd", "vp9")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser: Browser = start_chromium(playwright, exact_colours=True)
        yield browser.new_page()
        browser.close()


def error(page: Page, path: Path, kind: str, shown: colours.Colours) -> float:
    """The largest difference of a file from the colours, as the page shows it."""
    address = f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    element = f"<img src='{address}'>" if kind.startswith("image") else f"<video muted src='{address}'></video>"
    page.set_content(element)
    return float(np.abs(np.array(page.evaluate(DRAWN)) - np.array(shown)).max())


def made_of(made: Source, folder: Path, target: Target = USUAL) -> dict[str, tuple[Path, str]]:
    """Proxy, still and exports, with their kinds."""
    still, encoded, copied = folder / "still.jpg", folder / "encoded.mp4", folder / "copied.mp4"
    with SampleTrack(made.prepared.samples) as track:
        still.write_bytes(track.read(0).jpeg)
    for how, out in ((export_clip, encoded), (copy_master, copied)):
        how(
            made.path, out, **made.bounds(0, colours.SHOT), time_base=made.prepared.time_base, has_audio=False,
            threads=2, timeout_seconds=60, pictures=made.pictures[: colours.SHOT], target=target,
        )  # fmt: skip
    files = {
        "proxy": (made.prepared.proxy, "video/mp4"),
        "still": (still, "image/jpeg"),
        "encode": (encoded, "video/mp4"),
    }
    if made.path.stem in PLAYED or target.hdr != USUAL.hdr:
        files["copy"] = (copied, "video/mp4")
    return files


@pytest.mark.parametrize("name", colours.FILMS)
def test_colours_are_shown_as_they_were(page: Page, name: str, tmp_path: Path) -> None:
    made = make(colours.FILMS[name](tmp_path), is_legible=False)
    files = made_of(made, tmp_path)
    if made.path.stem in PLAYED:
        files["source"] = (made.path, "video/webm" if made.path.suffix == ".webm" else "video/mp4")
    errors = {where: error(page, path, kind, colours.BARS) for where, (path, kind) in files.items()}
    print(name, errors)
    assert max(errors.values()) <= MOST_LEVELS, errors


@pytest.mark.parametrize("signal", ["pq", "hlg"])
def test_hdr_is_shown_as_the_scene(page: Page, signal: str, tmp_path: Path) -> None:
    made = make(colours.hdr(tmp_path / "hdr.mp4", signal), is_legible=False)
    files = made_of(made, tmp_path, Target(hdr="tonemap"))
    errors = {where: error(page, path, kind, colours.SCENE) for where, (path, kind) in files.items()}
    print(signal, errors)
    assert max(errors.values()) <= MOST_LEVELS, errors
