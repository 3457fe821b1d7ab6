"""Detectors measured against reviewers' decisions, from stored evidence: no frame is decoded, no model runs."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from heaters.core.address import Address
from heaters.core.agreement import Agreement, Said, agreement
from heaters.core.cuts import Span
from heaters.core.evaluation import TOLERANCE_FRAMES, Counts, Decided, TrueCut, score, suggested, total
from heaters.core.layout import Evidence, Layout, Rules
from heaters.core.timebase import TimeBase
from heaters.errors import ConfigError, StageError
from heaters.models.detectors import build
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.evidence import pts_table, unpack
from heaters.store.objects import ObjectStore
from heaters.store.queries import query

MACHINES = ("auto-approve",)  # "reviewers" that are none
THRESHOLDS = tuple(round(0.02 * n, 2) for n in range(1, 50))
# Detectors besides the one that detection ran, whose evidence `heaters cut --detector` leaves. They need no network.
OTHERS = ("content", "adaptive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One video under one detector."""

    video_id: int
    source: str | Address
    at: dict[float, Counts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One detector over the reviewed videos that it has evidence of."""

    detector: str
    sources: tuple[Source, ...]

    @property
    def at(self) -> dict[float, Counts]:
        """The counts of all videos at each threshold."""
        return {t: total(source.at[t] for source in self.sources) for t in self.sources[0].at}

    @property
    def suggested(self) -> float:
        """The threshold with the best F1 over all videos."""
        return suggested(list(self.at.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What review says of the detectors, and of the reviewers."""

    videos: int
    clips: int
    cuts: int
    tolerance_frames: int
    detectors: tuple[Measured, ...]
    agreement: Agreement
    skipped: tuple[str, ...]  # videos whose evidence could not be read, with why


def evaluate(
    database: Database,
    store: ObjectStore,
    settings: Settings,
    *,
    videos: Sequence[int] | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    tolerance: int = TOLERANCE_FRAMES,
    on_video: Callable[[int, int], None] = lambda *_: None,
) -> Evaluation:
    """Measure every detector that left evidence, on what people approved in these videos (all if None).

    The settings' own threshold is always among those measured. Raises StoreError and ConfigError as its parts do.
    """
    scope = {"ids": None if videos is None else list(videos), "machines": list(MACHINES)}
    with database.transaction() as tx:
        rows = tx.execute(query("decided_videos"), scope).fetchall()
        said = [_said(row) for row in tx.execute(query("verdicts"), scope).fetchall()]
    places = sorted({*thresholds, settings.cut_threshold})
    words = _words(settings)
    sources: dict[str, list[Source]] = {}
    clips = cuts = 0
    skipped = []
    for number, video in enumerate(rows, 1):
        try:
            decided = _decided(database, video)
            for name, seen in _evidence(store, video, words):
                at = _scores(store, video, seen, decided, places, settings.min_clip_seconds, tolerance)
                source = Source(video_id=video["id"], source=video["source"], at=at)
                sources.setdefault(name, []).append(source)
        except StageError as error:  # one video whose objects are gone does not keep the others
            skipped.append(f"video {video['id']}: {type(error).__name__}: {error}")
            continue
        clips += len(decided.inside)
        cuts += len(decided.cuts)
        on_video(number, len(rows))
    return Evaluation(
        videos=len(rows) - len(skipped),
        clips=clips,
        cuts=cuts,
        tolerance_frames=tolerance,
        detectors=tuple(Measured(detector=name, sources=tuple(found)) for name, found in sources.items()),
        agreement=agreement(said),
        skipped=tuple(skipped),
    )


def _scores(
    store: ObjectStore,
    video: dict[str, Any],
    seen: Evidence,
    decided: Decided,
    thresholds: Sequence[float],
    shortest: float,
    tolerance: int,
) -> dict[float, Counts]:
    """The counts of one detector at each threshold, under the shortest length in use: what `heaters cut` would lay."""
    table = pts_table(store.read(video["pts_key"]), TimeBase(num=video["time_base_num"], den=video["time_base_den"]))
    return {
        threshold: score(
            Layout(seen, table, Rules(threshold=threshold, min_clip_seconds=shortest)).whole(), decided, tolerance
        )
        for threshold in thresholds
    }


def _decided(database: Database, video: dict[str, Any]) -> Decided:
    with database.transaction() as tx:
        clips = tx.execute(query("approved_clips"), {"id": video["id"], "machines": list(MACHINES)}).fetchall()
        cuts = tx.execute(query("recut_cuts"), {"video_id": video["id"]}).fetchall()
    inside = tuple(Span(**clip) for clip in clips)
    ends = {frame for span in inside for frame in (span.start_frame, span.end_frame)}
    vouched = [cut for cut in cuts if cut["frame"] in ends]
    true = []
    for cut in vouched:
        if "reason" not in cut["metadata"]:
            start, end = cut["metadata"].get("span") or (cut["frame"], cut["frame"])
            true.append(
                TrueCut(frame=cut["frame"], start_frame=min(start, cut["frame"]), end_frame=max(end, cut["frame"]))
            )
    open_frames = tuple(cut["frame"] for cut in vouched if "reason" in cut["metadata"])
    return Decided(cuts=tuple(true), inside=inside, open_frames=open_frames)


def _evidence(store: ObjectStore, video: dict[str, Any], words: dict[str, str]) -> list[tuple[str, Evidence]]:
    """What every detector left of a video, by the detector's name; that of detection itself first."""
    found = []
    names = {video["probabilities_key"]: f"{video['method']} {video['model']}".strip() or "detector"}
    for entry in store.list(f"videos/{video['content_hash']}/cuts-"):
        match = re.fullmatch(r"videos/[0-9a-f]{64}/cuts-(.+)\.npz", entry.key)
        if match and entry.key not in names:
            names[entry.key] = words.get(match[1], f"evidence {match[1]}")
    for key, name in names.items():
        found.append((name, unpack(store.read(key), video["frame_count"])))
    return found


def _words(settings: Settings) -> dict[str, str]:
    """The detectors that cost nothing to build, by the word in their evidence's key."""
    found = {}
    for name in OTHERS:
        try:
            detector = build(settings, name)
        except ConfigError:  # not installed: whatever it left keeps its word for a name
            continue
        found[detector.word] = detector.signature
    return found


def _said(row: dict[str, Any]) -> Said:
    places = tuple((row["video_id"], start, end) for start, end in zip(row["starts"], row["ends"], strict=True))
    return Said(id=row["id"], reviewer=row["reviewer"], action=row["action"], places=places, undoes=row["undoes"])
