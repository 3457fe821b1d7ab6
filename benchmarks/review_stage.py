"""What the UI's benchmark plays on: a film with many clips, the command as a server of its own, browsers."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright
from psycopg.types.json import Jsonb

from heaters.core import keys
from heaters.core.cuts import Cuts
from heaters.core.pipeline import STAGES
from heaters.media.ffmpeg import run
from heaters.media.prepare import prepare
from heaters.media.probe import probe
from heaters.models.embedder import model_identity
from heaters.settings import Settings
from heaters.store.db import Cursor, Database
from heaters.store.objects import open_store
from heaters.store.open import open_database
from heaters.store.queries import parse, query
from heaters.store.variants import variant_number
from heaters.store.vectors import Row, SpaceRow, space_number, write_vectors
from heaters.submit import submit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from chromium import launch

ROOT = Path(__file__).resolve().parents[1]
QUERIES = parse((Path(__file__).parent / "ui.sql").read_text())
RATE, CLIP_FRAMES = 25, 20
START_SECONDS = 60


def film(path: Path, clips: int, size: str = "1280x720") -> Path:
    """A moving test picture, long enough for so many clips."""
    source = f"testsrc2=size={size}:rate={RATE}:duration={clips * CLIP_FRAMES / RATE}"
    run(
        ["-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-y", str(path)],
        timeout_seconds=600,
        memory_bytes=6 * 2**30,
    )
    return path


def lay_out(settings: Settings, path: Path) -> Database:
    """Prepare a film as the pipeline does, and lay clips of equal length in it. Returns the open database."""
    database = open_database(settings)
    store = open_store(settings.store_location)
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    video = submit(database, str(path)).video_id
    assert video is not None
    folder = path.parent / "prepared"
    folder.mkdir()
    made = prepare(path, folder, probe(path), threads=os.cpu_count() or 2, timeout_seconds=900)
    pts = np.append(np.load(made.pts), np.int64(made.end_pts))
    buffer, curve = io.BytesIO(), io.BytesIO()
    np.save(buffer, pts)
    flat = np.full(made.frame_count, 0.02, np.float32)
    flat[CLIP_FRAMES - 1 :: CLIP_FRAMES] = 0.9
    np.savez_compressed(curve, single=flat, many=flat)
    assert made.proxy is not None
    proxy = store.put_file(keys.proxy(content, "benchmark"), made.proxy)
    table = store.put_bytes(keys.pts(content, "benchmark"), buffer.getvalue())
    found = store.put_bytes(keys.probabilities(content, "benchmark"), curve.getvalue())
    spans = Cuts.of(made.frame_count, range(CLIP_FRAMES, made.frame_count, CLIP_FRAMES)).clips()
    rows = [{**asdict(s), "start_pts": int(pts[s.start_frame]), "end_pts": int(pts[s.end_frame])} for s in spans]
    cuts = [
        {"frame": r["start_frame"], "pts": r["start_pts"], "kind": "hard", "confidence": 0.9, "metadata": {}}
        for r in rows[1:]
    ]
    facts = {
        "id": video,
        "sample_key": None,
        "proxy_key": proxy.key,
        "is_playable": False,
        "analysis_key": proxy.key,
        "pts_key": table.key,
        "frame_count": made.frame_count,
        "duration_seconds": made.duration_seconds,
        "time_base_num": made.time_base.numerator,
        "time_base_den": made.time_base.denominator,
        "is_vfr": False,
        "is_partial": False,
        "partial_reason": "",
        "concealed": 0,
        "shapes": Jsonb([]),
        "has_audio": False,
    }
    with database.transaction() as tx:
        tx.execute(query("record_prepare"), facts)
        made_by = {"detector": "transnetv2", "detector_model": "benchmark", "probabilities_key": found.key}
        tx.execute(query("record_probabilities"), {"id": video} | made_by)
        tx.execute(QUERIES["cut"].sql, {"id": video})
        tx.execute(query("record_cuts"), {"id": video, "cuts": Jsonb(cuts), "created_by": "benchmark"})
        tx.execute(query("record_clips"), {"id": video, "clips": Jsonb(rows)})
    describe(database, settings)
    return database


def describe(database: Database, settings: Settings) -> None:
    """Give every clip facts and a vector in the space of the settings, by chance: what is timed is the way to them."""
    model, dimension = model_identity(settings.model, settings.home / "models")
    dice = np.random.default_rng(0)
    names = ("motion", "brightness", "black_share", "frozen_share", "letterbox", "sharpness")
    with database.transaction() as tx:
        clips = [int(row["id"]) for row in tx.execute(QUERIES["clips"].sql).fetchall()]
        facts = [{"id": clip, **dict.fromkeys(names, float(dice.random()))} for clip in clips]
        tx.execute(query("record_facts"), {"variant": _variant(tx, settings, "facts"), "facts": Jsonb(facts)})
        space = SpaceRow(
            asked=_variant(tx, settings, "embed"),
            model=model,
            name=settings.model,
            strategy=settings.space_strategy,
            dimension=dimension,
        )
        number = space_number(tx, space)
        vectors = dice.standard_normal((len(clips), dimension), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        pairs = zip(clips, vectors, strict=True)
        write_vectors(tx, [Row(clip_id=clip, variant=number, vector=vector, images=3) for clip, vector in pairs])


def _variant(tx: Cursor, settings: Settings, stage: str) -> int:
    return variant_number(tx, stage, settings.variant(STAGES[stage].variant))


class Server:
    """`heaters ui` as a process of its own, which may be killed and started again at the same port."""

    def __init__(self, settings: Settings, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **os.environ,
            "HEATERS_HOME": str(settings.home),
            "HEATERS_UI_PORT": str(port),
            "HEATERS_UI_PROXY": "127.0.0.1",
            "HEATERS_UI_PROXY_HEADER": "x-forwarded-user",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "heaters.cli.main", "ui"]
        # Not from this folder, where a file has the name of the package `ui`.
        self.process = subprocess.Popen(command, env=self._environment, cwd=ROOT)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                urlopen(f"{self.url}/healthz", timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError(f"{self.url} did not answer within {START_SECONDS} s")

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser without a window."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def page_of(browser: Browser, url: str, name: str) -> Page:
    """The Review tab of one reviewer, with its first clip on the screen."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 720}, extra_http_headers={"x-forwarded-user": name}
    )
    context.add_init_script("performance.setResourceTimingBufferSize(20000)")
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector('.rv[data-shown]:not([data-shown=""]) .rv-video.is-front', timeout=30_000)
    return page


def with_home(home: Path) -> Settings:
    """Settings of a home with everything embedded."""
    return replace(Settings(), home=home)


def spread(values: Sequence[float]) -> tuple[str, str]:
    """p50 and p95 as text."""
    return f"{float(np.percentile(values, 50)):.0f}", f"{float(np.percentile(values, 95)):.0f}"
