"""How the pipeline stands: figures of the database and of this machine's disks. It knows no HTTP."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar, cast

from heaters.core.address import redact
from heaters.core.pipeline import PIPELINE, STAGES, By, Stage
from heaters.core.states import ClipState
from heaters.status import Counts, counts, stage_limits, stage_status
from heaters.store.db import Cursor
from heaters.store.leases import clip_counts
from heaters.store.pauses import pauses
from heaters.store.queries import query
from ui.context import Context
from ui.status.kinds import kinds

# Everybody who looks within this time is shown the same: ten viewers cost what one does.
FRESH_SECONDS = 1.0
# What changes slowly: disks and the size of caches, and what the latest work tells.
SLOW_SECONDS = 20.0
# Kept counts are summed up so often by the UI; where drivers run they do it, too.
FOLD_SECONDS = 60.0
DAYS = 14
PACE_MINUTES = 60
# So many of the latest rows of history and of the log of review are read for figures.
LATEST_WORK = 5_000
LATEST_ACTS = 10_000

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
        """What is drawn: clips and decisions a day, seconds by stage, confidence of cuts, pace of reviewers."""
        return self._fresh("plots", FRESH_SECONDS, self._plots)

    def waiting(self) -> int:
        """How many clips wait for a reviewer."""
        self._fresh("folded", FOLD_SECONDS, self._fold)

        def count() -> int:
            with self._context.database.transaction() as tx:
                return clip_counts(tx).get(ClipState.PENDING_REVIEW, 0)

        return self._fresh("waiting", FRESH_SECONDS, count)

    def _stages(self) -> dict[str, Any]:
        settings = self._context.settings
        with self._context.database.transaction() as tx:
            found = counts(tx, settings)
            drivers = tx.execute(query("drivers")).fetchall()
            limits = stage_limits(drivers, pauses(tx))
            rows = [
                {
                    **_described(stage),
                    **asdict(stage_status(stage, found, settings, limits.get(stage.name, ""))),
                    "oldest_seconds": _oldest(tx, stage, found),
                }
                for stage in PIPELINE
            ]
            failures = kinds(tx, found.kept)
        work = self._work()
        return {
            "stages": [row if row["waiting"] else row | {"oldest_seconds": None} for row in rows],
            "failures": failures,
            "drivers": [{name: value for name, value in d.items() if name != "limits"} for d in drivers],
            "devices": sorted({device for row in work for device in row["devices"]}),
            "cache": {name: sum(row[name] for row in work) for name in ("hits", "misses", "bytes_saved")},
            "machine": self._fresh("machine", SLOW_SECONDS, self._machine),
        }

    def _work(self) -> list[dict[str, Any]]:
        """What the latest claims tell, by stage."""

        def read() -> list[dict[str, Any]]:
            with self._context.database.transaction() as tx:
                return tx.execute(query("recent_work"), {"look": LATEST_WORK}).fetchall()

        return self._fresh("work", SLOW_SECONDS, read)

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
            "store": redact(settings.store_location),
            "database_bytes": facts["size_bytes"] if facts else 0,
            "cache_bytes": _size(settings.cache),
            "model": settings.model,
        }

    def _plots(self) -> dict[str, Any]:
        with self._context.database.transaction() as tx:
            days = tx.execute(query("tallies"), {"prefix": "day "}).fetchall()
            confidence = tx.execute(query("tallies"), {"prefix": "confidence "}).fetchall()
            pace = tx.execute(query("pace"), {"minutes": PACE_MINUTES, "look": LATEST_ACTS}).fetchall()
        work = self._work()
        return {
            "days": [_day(row) for row in days],
            "day_count": DAYS,
            "seconds": [{name: row[name] for name in ("stage", "n", "quantiles")} for row in work],
            "stage_order": list(STAGES),
            "confidence": [{"bin": int(row["name"].split(" ")[1]), "n": row["n"]} for row in confidence],
            "pace": pace,
            "pace_minutes": PACE_MINUTES,
        }

    def _fold(self) -> bool:
        """Sum the kept counts up: reading them costs as much as there are rows."""
        with self._context.database.transaction() as tx:
            tx.execute(query("fold_tallies"))
        return True

    def _fresh(self, name: str, seconds: float, read: Callable[[], T]) -> T:
        with self._guard:
            at, value = self._kept.get(name, (0.0, None))
        if value is None or time.monotonic() - at > seconds:
            value = read()
            with self._guard:
                self._kept[name] = (time.monotonic(), value)
        return cast(T, value)


def _described(stage: Stage) -> dict[str, str]:
    return {"subject": str(stage.subject), "does": stage.does}


def _oldest(tx: Cursor, stage: Stage, found: Counts) -> float | None:
    """For how long the first item that waits for a stage has waited; None where none does."""
    if stage.by is By.PERSON:
        row = tx.execute(query("oldest_undecided")).fetchone()
    else:
        given = {"takes": str(stage.takes), "variant": found.variants.get(stage.name)}
        row = tx.execute(query("oldest_waiting"), given).fetchone()
    return row["seconds"] if row else None


def _day(row: Mapping[str, Any]) -> dict[str, Any]:
    """`day 2026-11-30 review_skipped`: what happened on a day, and how often."""
    _, day, what = row["name"].split(" ")
    return {"day": day, "what": what, "n": row["n"]}


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


def shown_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with their sources as people may see them."""
    return [{**row, "source": str(row["source"])} for row in rows]
