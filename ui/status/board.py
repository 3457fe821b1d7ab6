"""How the pipeline stands: figures of the database and of this machine's disks. It knows no HTTP."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from heaters.core.pipeline import PIPELINE
from heaters.errors import UsageError
from heaters.media.addresses import show_url
from heaters.media.fetch import is_url
from heaters.status import count_due
from heaters.store.queries import query
from ui.context import Context

# Everybody who looks within this time is shown the same: ten viewers cost what one does.
FRESH_SECONDS = 1.0
# What changes slowly: disks and the size of caches.
SLOW_SECONDS = 20.0
DAYS = 14
PACE_MINUTES = 60
MOST_FAILURES = 100

T = TypeVar("T")


class Board:
    """Reads the board. Threads may share it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._guard = threading.Lock()
        self._kept: dict[str, tuple[float, Any]] = {}

    def stages(self) -> dict[str, Any]:
        """Every row of the pipeline with its counts; what failed, by kind; who works; caches and disks."""
        return self._fresh("stages", FRESH_SECONDS, self._stages)

    def plots(self) -> dict[str, Any]:
        """What is drawn: clips a day by state, seconds by stage, confidence of cuts, pace of reviewers."""
        return self._fresh("plots", FRESH_SECONDS, self._plots)

    def waiting(self) -> int:
        """How many clips wait for a reviewer."""

        def count() -> int:
            with self._context.database.transaction() as tx:
                row = tx.execute(query("waiting_clips")).fetchone()
            return int(row["n"]) if row else 0

        return self._fresh("waiting", FRESH_SECONDS, count)

    def _stages(self) -> dict[str, Any]:
        with self._context.database.transaction() as tx:
            counts = {row["stage"]: row for row in tx.execute(query("run_counts"), {"scope": None}).fetchall()}
            oldest = {row["stage"]: row["seconds"] for row in tx.execute(query("oldest_open")).fetchall()}
            waiting = {stage.name: count_due(tx, stage, self._context.settings, None) for stage in PIPELINE}
            failures = tx.execute(query("failures")).fetchall()
            workers = tx.execute(query("workers")).fetchall()
            hits = tx.execute(query("cache_hits")).fetchone()
        rows = [
            {
                "stage": stage.name,
                "subject": str(stage.subject),
                "by": str(stage.by),
                "does": stage.does,
                "queued": waiting[stage.name],
                **{
                    name: counts.get(stage.name, {}).get(name, 0)
                    for name in ("running", "retrying", "dead", "done", "done_last_hour")
                },
                "oldest_seconds": oldest.get(stage.name) if waiting[stage.name] else None,
            }
            for stage in PIPELINE
        ]
        return {
            "stages": rows,
            "failures": failures[:MOST_FAILURES],
            "workers": workers,
            "cache": hits,
            "machine": self._fresh("machine", SLOW_SECONDS, self._machine),
        }

    def _machine(self) -> dict[str, Any]:
        settings = self._context.settings
        with self._context.database.transaction() as tx:
            facts = tx.execute(query("database_facts")).fetchone()
        store = Path(settings.store_location) if "://" not in settings.store_location else None
        disks = [_disk("home", settings.home)]
        if store is not None and not store.is_relative_to(settings.home):
            disks.append(_disk("store", store))
        return {
            "disks": [disk for disk in disks if disk],
            "store": settings.store_location,
            "database_bytes": facts["size_bytes"] if facts else 0,
            "cache_bytes": _size(settings.cache),
            "model": settings.model,
        }

    def _plots(self) -> dict[str, Any]:
        with self._context.database.transaction() as tx:
            return {
                "days": tx.execute(query("clips_by_day"), {"days": DAYS}).fetchall(),
                "day_count": DAYS,
                "seconds": tx.execute(query("seconds_by_stage")).fetchall(),
                "confidence": tx.execute(query("confidence_histogram")).fetchall(),
                "pace": tx.execute(query("pace"), {"minutes": PACE_MINUTES}).fetchall(),
                "pace_minutes": PACE_MINUTES,
            }

    def _fresh(self, name: str, seconds: float, read: Callable[[], T]) -> T:
        with self._guard:
            at, value = self._kept.get(name, (0.0, None))
        if value is None or time.monotonic() - at > seconds:
            value = read()
            with self._guard:
                self._kept[name] = (time.monotonic(), value)
        return cast(T, value)


def video(context: Context, number: int) -> dict[str, Any]:
    """One video from its source to its vectors. Raises UsageError for one that is not there."""
    with context.database.transaction() as tx:
        facts = tx.execute(query("video_facts"), {"id": number}).fetchone()
        if facts is None:
            raise UsageError(f"there is no video {number}")
        states = tx.execute(query("video_clip_states"), {"id": number}).fetchall()
        given = {"id": number, "subject": "video", "before": None, "limit": 200}
        runs = tx.execute(query("video_runs"), given).fetchall()
    facts["source"] = shown(facts["source"])
    has_proxy = facts.pop("proxy_key") is not None
    return {"video": facts, "has_proxy": has_proxy, "clips": states, "runs": runs}


def _disk(name: str, path: Path) -> dict[str, Any] | None:
    there = next((folder for folder in (path, *path.parents) if folder.exists()), path)  # it is made when first used
    try:
        usage = shutil.disk_usage(there)
    except OSError:
        return None
    return {"name": name, "path": str(path), "free_bytes": usage.free, "total_bytes": usage.total}


def _size(folder: Path) -> int:
    total = 0
    try:
        for path in folder.iterdir():
            if path.is_file():
                total += path.stat().st_size
    except OSError:
        return total  # it is not there, or something in it went while we looked
    return total


def shown(source: str) -> str:
    """A source as people may see it: an address without its password and tokens."""
    return show_url(source) if is_url(source) else source
