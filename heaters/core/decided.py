"""The short form of a decision on many clips: what is the same for all of them, before and after. It knows no database.

A command or a rule decides a million clips; the log keeps of each its id and, once for all, the columns that changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from heaters.core.snapshot import ClipRow, Snapshot
from heaters.core.states import ClipState
from heaters.errors import RuleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The decision that some active clips have in common."""

    state: ClipState
    reviewed_by: str | None
    reviewed_at: datetime | None

    @classmethod
    def of(cls, rows: Snapshot) -> Self | None:
        """What the clips of a snapshot have in common; None where they differ, some are retired, or there are cuts."""
        if not rows.clips or rows.cuts or not all(clip.is_active for clip in rows.clips):
            return None
        found = {(clip.state, clip.reviewed_by, clip.reviewed_at) for clip in rows.clips}
        if len(found) > 1:
            return None
        state, reviewed_by, reviewed_at = found.pop()
        return cls(state=state, reviewed_by=reviewed_by, reviewed_at=reviewed_at)

    def image(self, rows: Iterable[ClipRow]) -> Snapshot:
        """The clips as they were with this decision; `rows` are they as they are now."""
        return Snapshot.of(
            replace(row, state=self.state, reviewed_by=self.reviewed_by, reviewed_at=self.reviewed_at, retired_at=None)
            for row in rows
        )

    def to_json(self) -> dict[str, Any]:
        """As `json.dumps` takes it: in the place of a snapshot."""
        at = self.reviewed_at.isoformat() if self.reviewed_at else None
        return {"decided": {"state": str(self.state), "reviewed_by": self.reviewed_by, "reviewed_at": at}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self | None:
        """What `to_json` wrote; None for a whole snapshot. Raises RuleError for anything else."""
        if "decided" not in document:
            return None
        try:
            found = document["decided"]
            at = found["reviewed_at"]
            return cls(
                state=ClipState(found["state"]),
                reviewed_by=found["reviewed_by"],
                reviewed_at=at and datetime.fromisoformat(at),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RuleError(f"not the JSON of a decision: {type(error).__name__} {error}") from error


def images(before: Snapshot, after: Snapshot) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both images of a change for the log: the short form where it is a decision on many clips and nothing else."""
    short_before, short_after = Decided.of(before), Decided.of(after)
    if short_before and short_after and len(after.clips) > 1 and _rests(before) == _rests(after):
        return short_before.to_json(), short_after.to_json()
    return before.to_json(), after.to_json()


def _rests(rows: Snapshot) -> list[ClipRow]:
    """The clips without what a decision changes."""
    nothing = Decided(state=ClipState.PENDING_REVIEW, reviewed_by=None, reviewed_at=None)
    return [replace(clip, version=0) for clip in nothing.image(rows.clips).clips]
