"""Copied clips in Chromium: sought here and there, each picture read back from a canvas."""

import base64
import random
from collections.abc import Iterator
from pathlib import Path

import av
import barcode
import numpy as np
import pytest
from browser import start_chromium
from films import FILMS
from playwright.sync_api import Browser, Page, sync_playwright
from prepared_source import make

from heaters.media.profiles import copy_master

pytestmark = pytest.mark.browser

SEEKS = 8
# Seeks to a time and gives the picture that is shown then, as RGBA.
AT = """async (seconds) => {
    const video = document.querySelector("video");
    await new Promise((resolve) => { video.onseeked = resolve; video.currentTime = seconds; });
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const { width, height } = canvas;
    return { width, height, data: Array.from(context.getImageData(0, 0, width, height).data) };
}"""
LOADED = """() => new Promise((resolve, reject) => {
    const video = document.querySelector("video");
    video.onerror = () => reject(video.error.message);
    if (video.readyState >= 2) resolve(video.duration); else video.onloadeddata = () => resolve(video.duration);
})"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = start_chromium(playwright)
        yield browser
        browser.close()


def shown(page: Page, seconds: float) -> barcode.Reading:
    found = page.evaluate(AT, seconds)
    picture = np.array(found["data"], np.uint8).reshape(found["height"], found["width"], 4)
    return barcode.read(picture[:, :, :3])


@pytest.mark.parametrize("name", [name for name, film in FILMS.items() if film.chromium])
def test_every_frame_is_found(chromium: Browser, name: str, tmp_path: Path) -> None:
    film = FILMS[name]
    made = make(film.make(tmp_path))
    page = chromium.new_page()
    for start, end in (clip for clip, copied in film.copied.items() if not isinstance(copied, str)):
        out = tmp_path / "clip.mp4"
        exported = copy_master(
            made.path, out, **made.bounds(start, end), time_base=made.prepared.time_base, threads=2, timeout_seconds=60,
            has_audio=made.prepared.has_audio, pictures=made.pictures[start:end],
        )  # fmt: skip
        assert exported.copied
        address = "data:video/mp4;base64," + base64.b64encode(out.read_bytes()).decode()
        page.set_content(f"<video muted src='{address}'></video>")
        assert page.evaluate(LOADED) == pytest.approx(exported.seconds, abs=0.1)
        with av.open(str(out)) as container:
            times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
        ends = [*times[1:], exported.seconds]
        places = [*random.Random(name).choices(range(end - start), k=SEEKS), 0, end - start - 1]
        found = [shown(page, (times[place] + ends[place]) / 2) for place in places]
        assert [reading.number for reading in found] == [made.numbers[start + place] for place in places]
        assert {reading.quarter_turns for reading in found} == {made.probe.rotation // 90 * 3 % 4}
    page.close()
