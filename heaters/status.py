"""How the pipeline stands: what runs, waits, failed and why, and what to do next. Read from kept counts: nothing is
counted over, so it takes as long with a hundred clips as with a hundred million.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from heaters.core.limits import limited
from heaters.core.pipeline import PIPELINE, STAGES, By, Change, Stage, Subject
from heaters.core.states import ClipState, VideoState
from heaters.settings import Settings
from heaters.store.db import Cursor, Database
from heaters.store.pauses import LIBRARY, named, pauses, why
from heaters.store.queries import query

# So many open tasks, failures and videos are told one by one; the counts stand for the rest.
MOST_LINES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStatus:
    """One row of the pipeline: items waiting now, running, waiting for a retry, given up, done; and which limit keeps a
    driver from starting more ("" where none runs).
    """

    stage: str
    by: str
    waiting: int
    running: int
    retrying: int
    dead: int
    done: int
    done_last_hour: int
    limit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything `heaters status` tells. `video_count` is of all videos, `videos` lists the latest of them."""

    stages: list[StageStatus]
    drivers: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    failures: list[dict[str, Any]]
    videos: list[dict[str, Any]]
    video_count: int
    pauses: list[dict[str, Any]] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The counts that rows of the pipeline are told by: kept names (`clips …`, `made …`), and by stage what is held,
    fails, and was done in the last hour; the number of the variant in use, and the one that its rows carry.
    """

    kept: Mapping[str, int]
    running: Mapping[str, int]
    retrying: Mapping[str, int]
    dead: Mapping[str, int]
    last_hour: Mapping[str, int]
    variants: Mapping[str, int | None]
    made: Mapping[str, int | None]

    def clips(self, *states: ClipState) -> int:
        return sum(self.kept.get(f"clips {state}", 0) for state in states)

    def videos(self, *states: VideoState) -> int:
        return sum(self.kept.get(f"videos {state}", 0) for state in states)


def counts(tx: Cursor, settings: Settings, scope: Sequence[int] | None = None) -> Counts:
    """Read them: of everything from the kept counts, of some videos by counting these."""
    machine = [stage for stage in PIPELINE if stage.by is not By.PERSON]
    asked = {"stages": [s.name for s in machine], "variants": [settings.variant(s.variant) for s in machine]}
    numbers = {row["stage"]: row for row in tx.execute(query("variant_numbers"), asked).fetchall()}
    given = {"scope": None if scope is None else list(scope)}
    if scope is None:
        kept = {row["name"]: row["n"] for row in tx.execute(query("all_tallies")).fetchall()}
        held = tx.execute(query("held_items")).fetchall()
        done = tx.execute(query("done_last_hour")).fetchall()
        retrying, dead = _failing(tx, kept)
    else:
        kept = {row["name"]: row["n"] for row in tx.execute(query("count_states"), given).fetchall()}
        kept |= {row["name"]: row["n"] for row in tx.execute(query("count_made"), given).fetchall()}
        held = tx.execute(query("count_held"), given).fetchall()
        done = tx.execute(query("done_last_hour_of"), given).fetchall()
        failing = tx.execute(query("count_failing"), given).fetchall()
        retrying = {row["stage"]: row["retrying"] for row in failing}
        dead = {row["stage"]: row["dead"] for row in failing}
    return Counts(
        kept=kept,
        running={row["stage"]: row["running"] for row in held},
        retrying=retrying,
        dead=dead,
        last_hour={row["stage"]: row["n"] for row in done},
        variants={name: row["id"] for name, row in numbers.items()},
        made={name: row["made"] for name, row in numbers.items()},
    )


def _failing(tx: Cursor, kept: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """By stage: what waits for another try, and what gave up."""
    stages = {str(row["id"]): row["stage"] for row in tx.execute(query("variants")).fetchall()}
    found: dict[str, Counter[str]] = {"retrying": Counter(), "dead": Counter()}
    for name, n in kept.items():
        word, *rest = name.split(" ", 3)
        if word == "failing":
            found[rest[1]][stages[rest[0]]] += n
    return dict(found["retrying"]), dict(found["dead"])


_DESCRIBED = (ClipState.PENDING_REVIEW, ClipState.REVIEW_APPROVED, ClipState.REVIEW_SKIPPED)
_DECIDED = (ClipState.REVIEW_APPROVED, ClipState.REVIEW_SKIPPED, ClipState.REVIEW_ARCHIVED)


def wanted_and_done(stage: Stage, found: Counts, settings: Settings) -> tuple[int, int]:
    """Of how many items a stage's output is wanted, and how many have it."""
    if stage.milestone is not None:
        states = list(VideoState)
        done = found.videos(*states[states.index(stage.milestone) :])
        return done + found.videos(VideoState(stage.takes)), done
    if stage.subject is Subject.VIDEO:
        done = found.kept.get("proxies", 0)
        return done + sum(group.get(stage.name, 0) for group in (found.running, found.retrying, found.dead)), done
    if stage.by is By.PERSON:
        done = found.clips(*_DECIDED)
        return done + found.clips(ClipState.PENDING_REVIEW), done
    if stage.gives is Change.SPACE:
        numbers = [found.variants.get(name) for name in ("keyframes", "export")]
        left = max((found.kept.get(f"archived {number}", 0) for number in numbers), default=0)
        archived = found.clips(ClipState.REVIEW_ARCHIVED)
        return archived, max(archived - left, 0)
    done = found.kept.get(f"made {found.made.get(stage.name)}", 0)
    if stage.gives is Change.FILES:
        return (0 if settings.export_profile == "none" else found.clips(ClipState.REVIEW_APPROVED)), done
    return found.clips(*_DESCRIBED), done


def stage_status(stage: Stage, found: Counts, settings: Settings, limit: str = "") -> StageStatus:
    """One row of the pipeline."""
    name = stage.name
    wanted, done = wanted_and_done(stage, found, settings)
    open_items = [group.get(name, 0) for group in (found.running, found.retrying, found.dead)]
    return StageStatus(
        stage=name,
        by=str(stage.by),
        waiting=max(wanted - done - sum(open_items), 0),
        running=open_items[0],
        retrying=open_items[1],
        dead=open_items[2],
        done=done,
        done_last_hour=found.last_hour.get(name, 0),
        limit=limit,
    )


def status(database: Database, settings: Settings, scope: Sequence[int] | None = None) -> Status:
    """Read how everything (or the videos in `scope`) stands."""
    ids = None if scope is None else list(scope)
    given = {"scope": ids, "limit": MOST_LINES}
    everything = {"stage": None, "error_type": None, "dead": None, "before": None}
    with database.transaction() as tx:
        found = counts(tx, settings, scope)
        drivers = tx.execute(query("drivers")).fetchall()
        paused = pauses(tx)
        tasks = tx.execute(query("open_tasks_listed"), given).fetchall()
        failures = tx.execute(query("open_failures"), given | everything).fetchall()
        limit = MOST_LINES if ids is None else len(ids)
        videos = tx.execute(query("latest_videos"), {"ids": ids, "limit": limit}).fetchall()
    limits = stage_limits(drivers, paused)
    stages = [stage_status(stage, found, settings, limits.get(stage.name, "")) for stage in PIPELINE]
    return Status(
        stages=stages,
        drivers=drivers,
        tasks=tasks,
        failures=failures,
        videos=videos[::-1],
        video_count=found.videos(*VideoState) if ids is None else len(videos),
        pauses=paused,
        next_steps=_next_steps(stages, tasks, paused),
    )


def stage_limits(drivers: Sequence[Mapping[str, Any]], paused: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By stage: which limit keeps drivers from starting more; a pause holds with and without a driver."""
    found = {stage: limit for d in reversed(drivers) if not d["silent_seconds"] for stage, limit in d["limits"].items()}
    stopped = {row["stage"] for row in paused}
    machine = [stage.name for stage in PIPELINE if stage.by is not By.PERSON]
    return found | {name: "paused" for name in machine if stopped & {LIBRARY, name}}


def state_phrase(video: Mapping[str, Any]) -> str:
    """How far a video is, for people; a partial one says so."""
    if video["duplicate_of"]:
        return f"same as {video['duplicate_of']}"
    return f"{video['state']}, partial" if video["is_partial"] else str(video["state"])


def task_phrase(task: Mapping[str, Any]) -> str:
    """What a driver holds, in words."""
    items = "" if STAGES[task["stage"]].subject is Subject.VIDEO else f" of {task['items']} clips"
    if (task["silent_seconds"] or 0.0) > 0:
        silent = f"{task['driver']} fell silent {task['silent_seconds']:.0f} s ago"
        return f"{task['stage']}{items}: {silent}; taken back by the next run"
    return f"{task['stage']}{items} running for {task['age_seconds']:.0f} s on {task['driver']}"


def failure_phrase(failure: Mapping[str, Any], limits: str = "") -> str:
    """An open failure in words: `export failed (2/5), retry in 40 s`, `download gave up`; by limits of settings."""
    if failure["dead"]:
        return f"{failure['stage']} gave up"
    wait = failure["retry_in_seconds"] or 0.0
    tries = f"{failure['failures']}/{limited(STAGES[failure['stage']], limits).attempts}"
    return f"{failure['stage']} failed ({tries}), retry " + (f"in {wait:.0f} s" if wait else "due now")


def _next_steps(
    stages: Sequence[StageStatus], tasks: Sequence[Mapping[str, Any]], paused: Sequence[Mapping[str, Any]]
) -> list[str]:
    steps = [f"{named(row['stage'])} is paused {why(row)}; `heaters resume` lets it go on" for row in paused]
    waiting = [s for s in stages if s.waiting and s.by == By.MACHINE]
    silent = [task for task in tasks if (task["silent_seconds"] or 0.0) > 0]
    if len(silent) < len(tasks):
        steps.append("something is running; an item whose driver dies comes back when its lease runs out")
    if silent:
        steps.append("`heaters run` takes back what silent drivers held and goes on from there")
    if waiting or any(s.retrying for s in stages):
        steps.append("`heaters run` does what waits" + (f": {', '.join(s.stage for s in waiting)}" if waiting else ""))
    for s in stages:
        if s.by == By.PERSON and s.waiting:
            steps.append(f"{s.waiting} clips wait for a reviewer: `heaters review approve CLIP…`")
    if any(s.dead for s in stages):
        steps.append("mend the cause, then `heaters retry` makes what gave up due again")
    return steps or ["nothing to do"]
