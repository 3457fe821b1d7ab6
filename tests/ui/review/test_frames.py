"""Frame truth in a real browser: the label, the picture's own bar code and what is committed are one number."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page
from reviewing import LOOK, Reviewer, bars_of, sent
from rows import rows
from served import Site

Opener = Callable[..., Page]
BARS = ("film", "b_frames", "ntsc", "ntsc_60", "vfr")


@pytest.fixture
def bars(site: Site, open_page: Opener, library: Any) -> Callable[[str], Reviewer]:
    """Opens the Review tab on one of the bar-coded films."""
    return lambda name: Reviewer(open_page(site.url, path=f"/?video={library.bars[name]}")).ready()


@pytest.mark.parametrize("name", BARS)
def test_forty_steps_each_way_show_the_frame_they_name(bars: Callable[[str], Reviewer], name: str) -> None:
    reviewer = bars(name)
    reviewer.press("Home")
    reviewer.at(0)
    last = int(reviewer.text("frames")) - 1
    steps = min(40, last)
    there = reviewer.walk("ArrowRight", steps, 1)
    back = reviewer.walk("ArrowLeft", steps, -1)
    assert [label for label, _ in there] == list(range(1, steps + 1))
    assert [label for label, _ in back] == list(range(steps - 1, -1, -1))
    assert [pair for pair in there + back if pair[0] != pair[1]] == []
    reviewer.press("End")
    reviewer.at(last)
    assert reviewer.bars() == last


def test_the_end_keeps_the_last_frame(bars: Callable[[str], Reviewer]) -> None:
    """Playing on in split mode ends on the last frame, 25 times of 25; so does stepping beyond it."""
    reviewer = bars("ntsc_60")
    last = int(reviewer.text("frames")) - 1
    for _ in range(25):
        reviewer.press("End", "ArrowLeft", "ArrowLeft", "ArrowLeft")
        reviewer.at(last - 3)
        reviewer.press("Space")
        reviewer.at(last)
        reviewer.page.wait_for_function("() => document.querySelector('.rv-video.is-front').paused")
        reviewer.press("ArrowRight")
        reviewer.page.wait_for_timeout(20)
        assert (reviewer.frame, reviewer.bars()) == (last, last)


def test_a_clip_in_play_never_shows_a_frame_of_its_neighbours(bars: Callable[[str], Reviewer], site: Site) -> None:
    reviewer = bars("ntsc")
    parent = reviewer.clip
    reviewer.press("Home", "Shift+ArrowRight", "Enter")
    reviewer.page.wait_for_function(f"() => document.querySelector('.rv').dataset.clip !== '{parent}'")
    reviewer.press("End")  # of the left child, [0, 10)
    reviewer.at(9)
    reviewer.press("Escape")  # it plays in a loop
    seen = reviewer.page.evaluate(
        """async (look) => {
            const seen = [];
            const end = performance.now() + 1500;
            while (performance.now() < end) {
                seen.push(eval(look)());
                await new Promise((resolve) => requestAnimationFrame(resolve));
            }
            return seen;
        }""",
        LOOK,
    )
    numbers = [bars_of(pixels) for pixels in seen]
    # On a machine that comes to nothing else a callback may be late by a frame, now and then.
    strays = [number for number in numbers if number >= 10]
    assert len(strays) <= len(numbers) / 25
    assert set(strays) <= {10}
    assert len([1 for a, b in pairwise(numbers) if b < a]) >= 2, "it loops"


def test_a_held_key_ends_on_the_intended_frame(bars: Callable[[str], Reviewer]) -> None:
    reviewer = bars("film")
    reviewer.press("Home")
    reviewer.at(0)
    reviewer.hold("ArrowRight", 15)  # ten single steps, then six double ones
    reviewer.at(22)
    assert reviewer.bars() == 22
    reviewer.hold("ArrowLeft", 3)
    reviewer.at(18)
    assert reviewer.bars() == 18


@pytest.mark.parametrize("name", ["vfr", "ntsc"])
def test_enter_sends_the_shown_frame_and_the_children_come_next(
    bars: Callable[[str], Reviewer], site: Site, name: str
) -> None:
    reviewer = bars(name)
    acts = sent(reviewer.page, "act")
    parent = reviewer.clip
    reviewer.press("Home", *["ArrowRight"] * 7, "Enter")  # faster than any seek: Enter waits for the seventh
    reviewer.page.wait_for_function(f"() => document.querySelector('.rv').dataset.clip !== '{parent}'")
    assert [(a["action"], a["clip"], a["version"], a["frame"]) for a in acts] == [("split", parent, 1, 7)]
    children = rows(
        site.database,
        "select id, start_frame, end_frame from clips where parents = array[%(p)s::bigint] order by start_frame",
        {"p": parent},
    )
    assert (children[0]["start_frame"], children[0]["end_frame"]) == (0, 7)
    reviewer.shows(children[0]["id"])
    reviewer.press("a")
    reviewer.shows(children[1]["id"])
    reviewer.press("Home")
    reviewer.at(0)
    assert reviewer.bars() == 7


def test_enter_at_the_first_frame_sends_nothing_and_says_why(bars: Callable[[str], Reviewer]) -> None:
    reviewer = bars("b_frames")
    acts = sent(reviewer.page, "act")
    reviewer.press("Home")
    reviewer.at(0)
    reviewer.press("Enter")
    reviewer.notice("would leave nothing of the clip")
    reviewer.state("split")
    assert acts == []


def test_moving_a_cut_by_keys_and_by_its_handle(bars: Callable[[str], Reviewer], site: Site) -> None:
    reviewer = bars("b_frames")
    parent = reviewer.clip
    reviewer.press("Home", "Shift+ArrowRight", "Shift+ArrowRight", "Enter")
    reviewer.page.wait_for_function(f"() => document.querySelector('.rv').dataset.clip !== '{parent}'")
    acts = sent(reviewer.page, "act")
    reviewer.press("]", "ArrowRight", "ArrowRight")
    reviewer.at(22)
    assert reviewer.bars() == 22
    reviewer.press("Enter")
    reviewer.state("playing")
    reviewer.saved()
    assert [(a["action"], a["frame"]) for a in acts] == [("move", 2)]
    cut = "select frame from cuts where video_id = (select video_id from clips where id = %(p)s)"
    assert [row["frame"] for row in rows(site.database, cut, {"p": parent})] == [22]
    handle = reviewer.page.locator('.rv-handle[data-part="end"]').bounding_box()
    assert handle is not None
    mouse = reviewer.page.mouse
    mouse.move(handle["x"] + 6, handle["y"] + 30)
    mouse.down()
    mouse.move(handle["x"] - 60, handle["y"] + 30, steps=4)
    mouse.up()
    reviewer.state("split")
    reviewer.page.wait_for_timeout(300)
    frame = reviewer.frame
    assert 0 < frame < 22
    assert reviewer.bars() == frame
    reviewer.press("Enter")
    reviewer.saved()
    reviewer.state("playing")
    assert [row["frame"] for row in rows(site.database, cut, {"p": parent})] == [frame]


def test_the_stills_are_the_frames_on_both_sides(bars: Callable[[str], Reviewer]) -> None:
    reviewer = bars("vfr")
    reviewer.press("Home", *["ArrowRight"] * 5)
    reviewer.at(5)
    still = '() => document.querySelector("[data-part=still-%s]").dataset.frame === "%d"'
    reviewer.page.wait_for_function(still % ("left", 4))
    reviewer.page.wait_for_function(still % ("right", 5))
    pixels = """(name) => {
        const from = document.querySelector(`[data-part=still-${name}]`);
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [48, 32];
        const pen = canvas.getContext("2d");
        pen.drawImage(from, 0, 0, 48, 32);
        const data = pen.getImageData(0, 0, 48, 32).data;
        return Array.from({ length: 48 * 32 }, (_, n) => data[4 * n]);
    }"""
    assert bars_of(reviewer.page.evaluate(pixels, "left")) == 4
    assert bars_of(reviewer.page.evaluate(pixels, "right")) == 5
