"""Pauses: stages, or the whole library, of which running drivers start nothing more until somebody resumes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from heaters.store.db import Cursor, Database
from heaters.store.queries import query

# The pause that holds for all stages.
LIBRARY = ""


def pause(database: Database, stages: Sequence[str], *, by: str, reason: str = "") -> list[str]:
    """Pause stages (LIBRARY: all); returns them."""
    given = {"stages": list(stages), "paused_by": by, "reason": reason}
    with database.transaction() as tx:
        return [row["stage"] for row in tx.execute(query("pause"), given).fetchall()]


def resume(database: Database, stages: Sequence[str] | None = None) -> list[str]:
    """End pauses (None: all that there are); returns those that there were."""
    given = {"stages": None if stages is None else list(stages)}
    with database.transaction() as tx:
        return [row["stage"] for row in tx.execute(query("resume"), given).fetchall()]


def pauses(tx: Cursor) -> list[dict[str, Any]]:
    """What is paused: stage, since, paused_by, reason, age_seconds."""
    return tx.execute(query("pauses")).fetchall()


def named(stage: str) -> str:
    """A pause's stage in words."""
    return f"the stage {stage}" if stage else "the library"


def why(row: Mapping[str, Any]) -> str:
    """Who paused something, and the reason that was given."""
    return f"by {row['paused_by']}" + (f": {row['reason']}" if row["reason"] else "")
