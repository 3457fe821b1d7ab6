"""What operators ask of a running driver, read from PostgreSQL now and then: pauses, videos that come first, and to end
because the database was migrated to a later version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from heaters.core.pipeline import Stage
from heaters.store.db import Database
from heaters.store.migrate import latest
from heaters.store.pauses import LIBRARY, named, pauses, why
from heaters.store.queries import query

# So many videos come first at once; further ones when these are done.
MOST_FIRST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Paused stages (LIBRARY: all), each with who paused it and why; the videos that come first, by priority."""

    pauses: Mapping[str, str] = field(default_factory=dict)
    first: tuple[tuple[int, ...], ...] = ()
    migration: str = ""  # one that this version does not have

    def is_paused(self, stage: Stage) -> bool:
        """Whether nothing more of the stage may start."""
        return LIBRARY in self.pauses or stage.name in self.pauses

    def lines(self, before: "Wishes") -> list[str]:
        """What changed in the pauses since `before`, for a person."""
        new = [(named(stage), why) for stage, why in self.pauses.items() if stage not in before.pauses]
        over = [named(stage) for stage in before.pauses if stage not in self.pauses]
        begun = [f"{name} is paused {why}; `heaters resume` lets it go on" for name, why in new]
        return begun + [f"{name} goes on" for name in over]


def read(database: Database, scope: Sequence[int] | None = None) -> Wishes:
    """The wishes as they are now; of the videos in `scope`, where it is given."""
    with database.transaction() as tx:
        paused = pauses(tx)
        newest = tx.execute(query("newest_migration")).fetchone()
        groups = [row["ids"] for row in tx.execute(query("first_videos"), {"most": MOST_FIRST}).fetchall()]
    if scope is not None:
        there = set(scope)
        groups = [[video for video in group if video in there] for group in groups]
    return Wishes(
        pauses={row["stage"]: why(row) for row in paused},
        first=tuple(tuple(group) for group in groups if group),
        migration=newest["name"] if newest and newest["version"] > latest() else "",
    )
