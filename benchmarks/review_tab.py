"""The Review tab under a reviewer who never waits, in a real browser against `heaters ui` as a process of its own.

    python benchmarks/review_tab.py [--write]

Prints p50 and p95 of key → next clip visible, key → stepped frame painted, action stored, what is known of a clip,
search → grid drawn and address → first clip on the screen; memory over 500 decisions; two reviewers at full speed on
300 clips; a server killed and started again in the middle. `--write` puts it into RESULTS.md.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Page
from results import machine, table, write_section
from review_stage import QUERIES, Server, chromium, film, lay_out, page_of, spread, with_home

from heaters import embedded
from heaters.store.db import Database

PORT = 17860
CLIPS = 700
DECISIONS = 500
WATCHED = 100  # decisions at a reviewer's pace, one a second or two, here as fast as each is on the screen
STEPS = 200
OPENED = 8
TOGETHER = 300
KILLED = 60

# From the key to the paint in which the next clip is the one in front, with a frame decoded.
DECIDE = """async (count) => {
    const root = document.querySelector(".rv");
    const paint = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const waits = [];
    for (let n = 0; n < count; n++) {
        const before = root.dataset.clip;
        const begun = performance.now();
        document.dispatchEvent(new KeyboardEvent("keydown", { key: n % 3 ? "a" : "s", bubbles: true }));
        for (;;) {
            await paint();
            const { clip, shown } = root.dataset;
            if (clip !== before && shown === clip) break;
            if (performance.now() - begun > 10000) throw new Error(`no clip after ${before}`);
        }
        waits.push(performance.now() - begun);
        await new Promise((resolve) => setTimeout(resolve, 250));
    }
    return waits;
}"""

# From the key to the paint after the frame that was asked for was presented.
STEP = """async (count) => {
    const root = document.querySelector(".rv");
    const waits = [];
    for (let n = 0; n < count; n++) {
        const back = Math.floor(n / 15) % 2;
        const wanted = Number(root.dataset.frame) + (back ? -1 : 1);
        const begun = performance.now();
        document.dispatchEvent(new KeyboardEvent("keydown", { key: back ? "ArrowLeft" : "ArrowRight", bubbles: true }));
        while (Number(root.dataset.frame) !== wanted) {
            await new Promise((resolve) => requestAnimationFrame(resolve));
            if (performance.now() - begun > 10000) throw new Error(`frame ${wanted} never came`);
        }
        waits.push(performance.now() - begun);
        await new Promise((resolve) => setTimeout(resolve, 60));
    }
    return waits;
}"""

# As fast as keys can come: nothing is waited for but the clip itself.
RUSH = """async ([count, pause]) => {
    const root = document.querySelector(".rv");
    let done = 0;
    while (done < count && root.dataset.state !== "empty") {
        if (root.dataset.state === "playing") {
            document.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
            done += 1;
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
    }
    return done;
}"""

# From the search to the paint in which 24 new cards are there and every poster in sight is drawn.
GRID = """async (words) => {
    const field = document.querySelector("[data-part=q]"), results = document.querySelector(".q [data-part=results]");
    const inSight = (card) => card.getBoundingClientRect().top < innerHeight;
    const isDrawn = (image) => image !== null && image.complete && image.naturalWidth > 0;
    const waits = [];
    for (const word of words) {
        for (const card of results.querySelectorAll(".q-card")) card.dataset.old = "1";
        field.value = word;
        const begun = performance.now();
        field.form.requestSubmit();
        for (;;) {
            await new Promise((resolve) => requestAnimationFrame(resolve));
            const cards = [...results.querySelectorAll(".q-card:not([data-old])")];
            const posters = cards.filter(inSight).map((card) => card.querySelector("img"));
            if (cards.length === 24 && posters.every(isDrawn)) break;
            if (performance.now() - begun > 20000) throw new Error(`no grid for ${word}`);
        }
        waits.push(performance.now() - begun);
    }
    return waits;
}"""
WORDS = [
    f"{what} {where}" for what in ("a lion", "a cup", "a tower", "rain") for where in ("at night", "in snow", "indoors")
]

# How long requests took whose addresses end so.
TOOK = (
    """(end) => performance.getEntriesByType("resource").filter((e) => e.name.endsWith(end)).map((e) => e.duration)"""
)


def main() -> None:
    """Run everything once on a fresh home."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the figures into RESULTS.md")
    write = parser.parse_args().write
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        settings = with_home(Path(folder) / "home")
        database = lay_out(settings, film(Path(folder) / "film.mp4", CLIPS))
        server = Server(settings, PORT)
        server.start()
        try:
            rows = [*opened(browser, server), *alone(browser, server), *searched(browser, server)]
            rows += [*together(browser, server, database), *killed(browser, server, database)]
        finally:
            server.kill()
            database.close()
            embedded.release(settings.home)
    text = f"{machine()}, server and browser together, Chromium without a GPU. {CLIPS} clips of a 1280×720 film.\n\n"
    text += table(["what", "p50 ms", "p95 ms", "remark"], rows)
    print(text)
    if write:
        write_section("The Review tab", text)


def opened(browser: Browser, server: Server) -> list[list[str]]:
    """The address in a browser that has nothing in its cache."""
    waits = []
    for _ in range(OPENED):
        page = page_of(browser, server.url, "ann")
        waits.append(float(page.evaluate("() => performance.now()")))
        page.context.close()
    return [["address → first clip on the screen", *spread(waits), f"{OPENED} times, nothing cached"]]


def searched(browser: Browser, server: Server) -> list[list[str]]:
    """Texts one after the other on the Query tab; each asks for other posters, many of them for the first time."""
    page = page_of(browser, server.url, "ann")
    page.goto(f"{server.url}/?tab=query")
    page.locator(".q-card img").first.wait_for()
    page.evaluate(GRID, ["warm the model"])
    waits = page.evaluate(GRID, WORDS)
    page.context.close()
    return [["search → grid of 24 with posters", *spread(waits), f"{len(waits)} texts"]]


def alone(browser: Browser, server: Server) -> list[list[str]]:
    """One reviewer: latencies, then the rest of the 500 decisions, and what memory does meanwhile."""
    page = page_of(browser, server.url, "ann")
    visible = page.evaluate(DECIDE, WATCHED)
    saved(page)
    before = memory(page, server)
    page.evaluate(RUSH, [DECISIONS - WATCHED, 60])
    saved(page)
    after = memory(page, server)
    stored, known = (page.evaluate(TOOK, end) for end in ("/act", "/about"))
    page.keyboard.press("Home")
    page.wait_for_selector('.rv[data-frame="0"]')
    stepped = page.evaluate(STEP, STEPS)
    page.context.close()
    grown = f"page {before[0]:.1f} → {after[0]:.1f} MB, server {before[1]:.0f} → {after[1]:.0f} MB"
    return [
        ["key → next clip visible", *spread(visible), f"{len(visible)} decisions"],
        ["key → stepped frame painted", *spread(stepped), f"{len(stepped)} steps, with both stills"],
        ["action stored (request to answer)", *spread(stored), f"{len(stored)} acts"],
        ["facts and the decided clips most like one (request to answer)", *spread(known), f"{len(known)} clips"],
        ["memory from decision 100 to 500", "", "", grown],
    ]


def together(browser: Browser, server: Server, database: Database) -> list[list[str]]:
    """Two reviewers on the same film."""
    reset(database)
    pages = [page_of(browser, server.url, name) for name in ("ann", "ben")]
    begun = time.monotonic()
    for page in pages:
        page.evaluate("(script) => { window.rush = eval(script[0])(script[1]); }", [RUSH, [TOGETHER // 2, 40]])
    done = sum(page.evaluate("() => window.rush") for page in pages)
    for page in pages:
        saved(page)
    seconds = time.monotonic() - begun
    for page in pages:
        page.context.close()
    events, clips, people = log(database)
    assert (events, clips, people) == (done, done, 2), (events, clips, people, done)
    remark = f"{done} presses, {events} events, {clips} clips, none twice; {done / seconds:.0f} decisions a second"
    return [["two reviewers at full speed", "", "", remark]]


def killed(browser: Browser, server: Server, database: Database) -> list[list[str]]:
    """The server dies in the middle and comes back; the reviewer presses on."""
    reset(database)
    page = page_of(browser, server.url, "ann")
    page.evaluate("(script) => { window.rush = eval(script[0])(script[1]); }", [RUSH, [KILLED, 100]])
    time.sleep(1)
    server.kill()
    time.sleep(1)
    begun = time.monotonic()
    server.start()
    done = page.evaluate("() => window.rush")
    saved(page)
    away = time.monotonic() - begun
    page.context.close()
    events, clips, _ = log(database)
    assert events == clips == done, (events, clips, done)
    remark = f"{done} presses, {events} events, none lost, none twice; all stored {away:.1f} s after the new start"
    return [["server killed (SIGKILL) and started again", "", "", remark]]


def saved(page: Page) -> None:
    """Wait until everything is with the server."""
    page.wait_for_selector('.rv[data-save="saved"]', timeout=120_000)


def memory(page: Page, server: Server) -> tuple[float, float]:
    """Megabytes of the page's JavaScript heap after collection, and of the server's process."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics: list[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
    heap = next(metric["value"] for metric in metrics if metric["name"] == "JSHeapUsedSize")
    assert server.process is not None
    return heap / 1e6, psutil.Process(server.process.pid).memory_info().rss / 1e6


def reset(database: Database) -> None:
    """All clips wait again and nobody has done anything."""
    with database.transaction() as tx:
        for name in ("forget_acts", "forget_decisions", "forget_leases"):
            tx.execute(QUERIES[name].sql)


def log(database: Database) -> tuple[int, int, int]:
    """Events, different clips and different reviewers in the log."""
    with database.transaction() as tx:
        row = tx.execute(QUERIES["acts"].sql).fetchone()
    assert row is not None
    return row["events"], row["clips"], row["reviewers"]


if __name__ == "__main__":
    main()
