"""What failed, by kind: stage, type of error, and whether it is tried again. Kinds come from kept counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from heaters.store.db import Cursor
from heaters.store.queries import query

MOST_KINDS = 50


@dataclass(slots=True, kw_only=True)
class _Kind:
    """One kind of failure, and how many items failed so by variant of the stage."""

    stage: str
    error_type: str
    dead: bool
    by_variant: dict[int, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return sum(self.by_variant.values())


def kinds(tx: Cursor, kept: Mapping[str, int]) -> list[dict[str, Any]]:
    """The kinds that most items fail by, what gave up first; each with the latest error. `kept`: the kept counts."""
    found = sorted(_kinds(tx, kept).values(), key=lambda kind: (not kind.dead, -kind.n, kind.stage, kind.error_type))
    return [_told(tx, kind) for kind in found[:MOST_KINDS]]


def _kinds(tx: Cursor, kept: Mapping[str, int]) -> dict[tuple[str, str, bool], _Kind]:
    stages = {row["id"]: row["stage"] for row in tx.execute(query("variants")).fetchall()}
    found: dict[tuple[str, str, bool], _Kind] = {}
    for name, n in kept.items():
        if not name.startswith("failing "):
            continue
        _, number, word, error_type = name.split(" ", 3)
        key = (stages[int(number)], error_type, word == "dead")
        kind = found.setdefault(key, _Kind(stage=key[0], error_type=error_type, dead=key[2]))
        kind.by_variant[int(number)] = n
    return found


def _told(tx: Cursor, kind: _Kind) -> dict[str, Any]:
    most = max(kind.by_variant, key=lambda variant: kind.by_variant[variant])
    given = {"variant": most, "error_type": kind.error_type, "dead": kind.dead}
    example = tx.execute(query("failure_example"), given).fetchone() or {"error": "", "failed_at": None}
    return {
        "stage": kind.stage,
        "error_type": kind.error_type,
        "dead": kind.dead,
        "n": kind.n,
        "example": example["error"],
        "last_at": example["failed_at"],
    }


def variants_of(tx: Cursor, stage: str) -> list[int]:
    """The numbers of all variants of a stage."""
    return [row["id"] for row in tx.execute(query("variants")).fetchall() if row["stage"] == stage]
