"""The page of one video: from its source to its vectors. It knows no HTTP."""

from dataclasses import asdict
from typing import Any

from heaters.core.pipeline import PIPELINE, By, Subject
from heaters.core.states import ClipState
from heaters.errors import UsageError
from heaters.status import Counts, counts, stage_status
from heaters.store.db import Cursor
from heaters.store.queries import query
from ui.context import Context
from ui.status.board import shown_rows

PAGE_SIZE = 50
_ANY = {"stage": None, "error_type": None, "dead": None, "before": None}


def video(context: Context, number: int) -> dict[str, Any]:
    """One video: facts, how far each stage is with it, its clips, what failed, what runs, the attempts at the video.

    Raises UsageError for one that is not there.
    """
    with context.database.transaction() as tx:
        facts = tx.execute(query("video_facts"), {"id": number}).fetchone()
        if facts is None:
            raise UsageError(f"there is no video {number}")
        found = counts(tx, context.settings, [number])
        given = {"scope": [number], "limit": PAGE_SIZE}
        failures = tx.execute(query("open_failures"), given | _ANY).fetchall()
        tasks = tx.execute(query("open_tasks_listed"), given).fetchall()
        runs = runs_of(tx, number, Subject.VIDEO)
    facts["source"] = str(facts["source"])
    has_pictures = facts.pop("has_pictures")
    return {
        "video": facts,
        "has_pictures": has_pictures,
        "stages": [asdict(stage_status(s, found, context.settings)) for s in PIPELINE if s.by is not By.OPERATOR],
        "clips": _states(found),
        "made": {stage: found.kept.get(f"made {found.made.get(stage)}", 0) for stage in ("facts", "embed", "export")},
        "failures": shown_rows(failures),
        "tasks": shown_rows(tasks),
        "runs": runs,
    }


def _states(found: Counts) -> list[dict[str, Any]]:
    return [{"state": str(state), "n": found.clips(state)} for state in ClipState if found.clips(state)]


def runs_of(tx: Cursor, number: int, subject: Subject, before: int | None = None) -> list[dict[str, Any]]:
    """The attempts at a video as a whole, or at its clips, the latest first."""
    stages = [stage.name for stage in PIPELINE if stage.subject is subject and stage.by is not By.PERSON]
    given = {"id": number, "stages": stages, "before": before, "limit": PAGE_SIZE}
    return tx.execute(query("runs_of_video"), given).fetchall()
