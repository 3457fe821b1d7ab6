"""The rows that review reads and writes: clips and cuts as they stand at one moment, and as JSON.

Fields are the columns of the tables of the same name. What review never changes (lengths, leases) is not here.
A decision on many clips at once has a short form (`Decided`): all it changes is the same for each of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from heaters.core.cuts import Span
from heaters.core.states import ClipState, CutKind
from heaters.errors import RuleError


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRow:
    """A clip. `version` only ever grows, so that one version names one content; undo restores the rest."""

    id: int
    start_frame: int
    end_frame: int
    start_pts: int
    end_pts: int
    state: ClipState = ClipState.PENDING_REVIEW
    version: int = 1
    parents: tuple[int, ...] = ()
    group_id: int | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    retired_at: datetime | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.start_frame < self.end_frame and self.start_pts < self.end_pts):
            raise RuleError(f"a clip is a range 0 ≤ start < end in frames and in PTS; got {self}")
        if (self.retired_at is not None) != (self.state is ClipState.RETIRED):
            raise RuleError(f"a clip has a time of retirement when it is retired; got clip {self.id} {self.state}")

    @property
    def span(self) -> Span:
        return Span(start_frame=self.start_frame, end_frame=self.end_frame)

    @property
    def is_active(self) -> bool:
        """Whether it takes part in the tiling: not replaced by a split, merge or move."""
        return self.retired_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class CutRow:
    """An inner cut. A manual one has no confidence."""

    frame: int
    pts: int
    kind: CutKind
    confidence: float | None
    created_by: str
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.frame < 1:
            raise RuleError(f"a cut is inner: its frame is at least 1; got {self.frame}")
        if self.kind is CutKind.MANUAL and self.confidence is not None:
            raise RuleError(f"a manual cut has no confidence; got {self.confidence} at frame {self.frame}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Some or all of a video's clips and cuts. `of` brings them in order: by frame, clips then by id."""

    clips: tuple[ClipRow, ...] = ()
    cuts: tuple[CutRow, ...] = ()
    _clip_of: dict[int, ClipRow] = field(init=False, repr=False, compare=False)
    _cut_at: dict[int, CutRow] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_clip_of", {clip.id: clip for clip in self.clips})
        object.__setattr__(self, "_cut_at", {cut.frame: cut for cut in self.cuts})

    @classmethod
    def of(cls, clips: Iterable[ClipRow] = (), cuts: Iterable[CutRow] = ()) -> Self:
        """The snapshot of these rows, in any order. Raises RuleError for a clip or a cut given twice."""
        clips, cuts = list(clips), list(cuts)
        if len({clip.id for clip in clips}) < len(clips) or len({cut.frame for cut in cuts}) < len(cuts):
            raise RuleError("a snapshot holds a clip and a cut once")
        return cls(
            clips=tuple(sorted(clips, key=lambda clip: (clip.start_frame, clip.end_frame, clip.id))),
            cuts=tuple(sorted(cuts, key=lambda cut: cut.frame)),
        )

    def clip(self, clip_id: int) -> ClipRow | None:
        """The clip of that id, active or retired."""
        return self._clip_of.get(clip_id)

    def clip_before(self, clip: ClipRow) -> ClipRow | None:
        """The active clip that ends where `clip` starts."""
        return next((c for c in self.clips if c.is_active and c.end_frame == clip.start_frame), None)

    def cut(self, frame: int) -> CutRow | None:
        """The cut at `frame`."""
        return self._cut_at.get(frame)

    def to_json(self) -> dict[str, Any]:
        """As `json.dumps` takes it; the columns `before` and `after` of `review_events`."""
        return {"clips": [_plain(clip) for clip in self.clips], "cuts": [_plain(cut) for cut in self.cuts]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The snapshot that `to_json` wrote. Raises RuleError for anything else."""
        try:
            return cls.of([_clip(row) for row in document["clips"]], [_cut(row) for row in document["cuts"]])
        except (KeyError, TypeError, ValueError) as error:
            raise RuleError(f"not the JSON of a snapshot: {type(error).__name__} {error}") from error


def _plain(row: ClipRow | CutRow) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for spec in fields(row):
        value = getattr(row, spec.name)
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, Mapping):
            value = dict(value)
        elif isinstance(value, ClipState | CutKind):
            value = str(value)
        values[spec.name] = value
    return values


def _clip(row: Mapping[str, Any]) -> ClipRow:
    times = {name: row[name] and datetime.fromisoformat(row[name]) for name in ("reviewed_at", "retired_at")}
    return ClipRow(**{**row, "state": ClipState(row["state"]), "parents": tuple(row["parents"]), **times})


def _cut(row: Mapping[str, Any]) -> CutRow:
    return CutRow(**{**row, "kind": CutKind(row["kind"])})
