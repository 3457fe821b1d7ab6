"""How the pipeline stands: what runs, waits, failed and why, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heaters.core.pipeline import PIPELINE, STAGES, By, Stage, State, Subject, eligible_states
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.queries import query

# So many open runs are told one by one; the counts stand for the rest.
MOST_RUNS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStatus:
    """One row of the pipeline: items waiting now, running, waiting for a retry, dead, done."""

    stage: str
    by: str
    waiting: int
    running: int
    retrying: int
    dead: int
    done: int
    done_last_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything `heaters status` tells."""

    stages: list[StageStatus]
    runs: list[dict[str, Any]]
    videos: list[dict[str, Any]]
    next_steps: list[str]


def due_parameters(
    stage: Stage, settings: Settings, scope: Sequence[int] | None, states: Sequence[State] | None = None
) -> dict[str, Any]:
    """What the queries of due items take: the one translation of a pipeline row into SQL parameters; of some of its
    eligible states, or all.
    """
    needs = STAGES[stage.needs] if stage.needs else None
    return {
        "stage": stage.name,
        "variant": settings.variant(stage.variant),
        "states": [str(state) for state in states or eligible_states(stage)],
        "scope": None if scope is None else list(scope),
        "needs": stage.needs,
        "needs_variant": settings.variant(needs.variant) if needs else "",
    }


def count_due(
    tx: Any,
    stage: Stage,
    settings: Settings,
    scope: Sequence[int] | None,
    *,
    states: Sequence[State] | None = None,
    most: int | None = None,
) -> int:
    """How many items are due for `stage` now; of all its states or some, counted up to `most` of each."""
    name = "count_due_videos" if stage.subject is Subject.VIDEO else "count_due_clips"
    parameters = {**due_parameters(stage, settings, scope, states), "most": most}
    return int(tx.execute(query(name), parameters).fetchone()["n"])


def first_due(tx: Any, stage: Stage, settings: Settings, scope: Sequence[int] | None) -> int | None:
    """The first video of which something is due for `stage` now."""
    name = "first_due_video" if stage.subject is Subject.VIDEO else "first_due_clip"
    row = tx.execute(query(name), due_parameters(stage, settings, scope)).fetchone()
    return None if row is None else int(row["video_id"])


def status(database: Database, settings: Settings, scope: Sequence[int] | None = None) -> Status:
    """Read how everything (or the videos in `scope`) stands."""
    ids = None if scope is None else list(scope)
    with database.transaction() as tx:
        counts = {row["stage"]: row for row in tx.execute(query("run_counts"), {"scope": ids}).fetchall()}
        waiting = {stage.name: count_due(tx, stage, settings, ids) for stage in PIPELINE}
        runs = tx.execute(query("open_runs"), {"scope": ids, "limit": MOST_RUNS}).fetchall()
        videos = tx.execute(query("videos"), {"ids": ids}).fetchall()
    stages = [_stage_status(stage, waiting[stage.name], counts.get(stage.name, {})) for stage in PIPELINE]
    return Status(stages=stages, runs=runs, videos=videos, next_steps=_next_steps(stages, runs))


def _stage_status(stage: Stage, waiting: int, row: dict[str, Any]) -> StageStatus:
    names = ("running", "retrying", "dead", "done", "done_last_hour")
    return StageStatus(
        stage=stage.name, by=str(stage.by), waiting=waiting, **{name: row.get(name, 0) for name in names}
    )


def run_phrase(run: dict[str, Any]) -> str:
    """One open run in words: `export running for 3 s on HOST`, `export failed (2/5), retry in 40 s`, …"""
    stage, attempts = run["stage"], STAGES[run["stage"]].attempts
    if _is_silent(run):
        return f"{stage}: {run['worker']} fell silent {run['silent_seconds']:.0f} s ago; taken back by the next run"
    if run["status"] == "running":
        return f"{stage} running for {run['age_seconds']:.0f} s on {run['worker']}"
    if run["status"] == "dead":
        return f"{stage} gave up"
    if run["status"] == "lost":
        return f"{stage}: its worker was lost, due now"
    wait = max(run["retry_in_seconds"] or 0.0, 0.0)
    return f"{stage} failed ({run['attempt']}/{attempts}), retry " + (f"in {wait:.0f} s" if wait else "due now")


def _is_silent(run: dict[str, Any]) -> bool:
    """Whether a run counts as running only because nobody has taken it back from a dead worker yet."""
    return run["status"] == "running" and (run["silent_seconds"] or 0.0) > 0


def _next_steps(stages: list[StageStatus], runs: list[dict[str, Any]]) -> list[str]:
    steps = []
    waiting = [s for s in stages if s.waiting and s.by == By.MACHINE]
    if any(run["status"] == "running" and not _is_silent(run) for run in runs):
        steps.append("something is running; an item whose worker dies comes back when its lease runs out")
    if any(_is_silent(run) for run in runs):
        steps.append("`heaters run` takes back what silent workers held and goes on from there")
    if waiting or any(s.retrying for s in stages):
        steps.append("`heaters run` does what waits" + (f": {', '.join(s.stage for s in waiting)}" if waiting else ""))
    for s in stages:
        if s.by == By.PERSON and s.waiting:
            steps.append(f"{s.waiting} clips wait for a reviewer: `heaters review approve CLIP…`")
    if any(s.dead for s in stages):
        steps.append("mend the cause, then `heaters retry` makes what gave up due again")
    return steps or ["nothing to do"]
