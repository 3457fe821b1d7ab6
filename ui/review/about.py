"""What is known of a clip besides its picture: what was measured, and what was decided of the clips most like it.

The page asks for it once the clip is on the screen; a decision never waits for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from heaters.core.facts import FACTS
from heaters.core.states import ClipState
from heaters.errors import UsageError
from heaters.search import Filters, Query, Search, Term
from heaters.store.db import Database
from heaters.store.queries import query
from ui.query.listing import cards

# So many of the nearest clips are shown, and their decisions counted.
NEAREST = 4
DECIDED = (ClipState.REVIEW_APPROVED, ClipState.REVIEW_SKIPPED, ClipState.REVIEW_ARCHIVED)


def _number(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _decibels(value: float) -> str:
    return f"{value:.0f} dB".replace("-", "−")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How a fact is shown: its word, its number as text, and a bar from `low` to `high`, which most clips lie within.
    `is_odd`: what a reviewer should notice.
    """

    label: str
    text: Callable[[float], str]
    low: float = 0.0
    high: float = 1.0
    is_odd: Callable[[float], bool] = lambda _: False

    def share(self, value: float) -> float:
        """How long the bar is, in [0, 1]."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


SHOWN: dict[str, Shown] = {
    "motion": Shown(label="Motion", text=_number, high=0.15),
    "brightness": Shown(label="Brightness", text=_number, is_odd=lambda value: value < 0.05),
    "sharpness": Shown(label="Sharpness", text=_number, high=0.2, is_odd=lambda value: value < 0.01),
    "black_share": Shown(label="Black", text=_percent, is_odd=lambda value: value >= 0.05),
    "frozen_share": Shown(label="Frozen", text=_percent, is_odd=lambda value: value >= 0.5),
    "loudness_dbfs": Shown(label="Loudness", text=_decibels, low=-60.0, high=0.0),
}


class About:
    """Reads it. Threads may share it."""

    def __init__(self, database: Database, search: Search) -> None:
        self._database = database
        self._search = search

    def of(self, clip_id: int) -> dict[str, Any]:
        """Facts and nearest decided clips; None for facts that were not measured, or where the clip has no vector."""
        with self._database.transaction() as tx:
            row = tx.execute(query("facts_of_clip"), {"id": clip_id}).fetchone()
        return {"facts": _facts(row) if row else None, "like": self._like(clip_id)}

    def _like(self, clip_id: int) -> list[dict[str, Any]] | None:
        """The decided clips that are nearest to a clip, best first."""
        filters = Filters(states=tuple(map(str, DECIDED)))
        try:
            page = self._search.run(Query(terms=(Term.clip(clip_id),), filters=filters, k=NEAREST))
        except UsageError:  # it has no vector
            return None
        scores = {hit.clip_id: hit.score for hit in page.hits}
        with self._database.transaction() as tx:
            found = cards(tx, list(scores))
        return [
            {name: card[name] for name in ("id", "state", "title", "v")} | {"score": scores[card["id"]]}
            for card in found
        ]


def _facts(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [_fact(name, how, row) for name, how in SHOWN.items()]
    if row["is_partial"]:
        told = {"label": "Source", "title": row["partial_reason"] or "only its decodable part is used"}
        found.append(told | {"text": "partial", "share": 0.0, "is_odd": True})
    return found


def _fact(name: str, how: Shown, row: Mapping[str, Any]) -> dict[str, Any]:
    value = row[name]
    told = {"label": how.label, "title": f"{name}: {FACTS[name]}"}
    if value is None:
        is_silent = name == "loudness_dbfs" and not row["has_audio"]
        return told | {"text": "no sound" if is_silent else "–", "share": 0.0, "is_odd": False}
    return told | {"text": how.text(value), "share": how.share(value), "is_odd": how.is_odd(value)}
