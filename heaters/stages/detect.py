"""Stage `detect`: analysis frames → per-frame probabilities → cuts → the clips between them."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from psycopg.types.json import Jsonb

from heaters.core import keys
from heaters.core.cuts import Cuts
from heaters.core.layout import Evidence, Layout, Rules
from heaters.core.timebase import PtsTable, TimeBase
from heaters.errors import StageError
from heaters.models.detectors import Detector, Footage, build
from heaters.models.raw_frames import RawFrames
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageCode, StageResult, Transaction, each
from heaters.store.cache import Cache, CacheResult
from heaters.store.evidence import pack, pts_table
from heaters.store.objects import store_of
from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Analysis frames and the PTS table in the store."""

    id: int
    content_hash: str
    analysis_key: str
    pts_key: str
    frame_count: int
    time_base_num: int
    time_base_den: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneDetectionResult(StageResult):
    """Cuts and clips of one video. `cuts` and `clips` are rows ready for their tables."""

    bulk: ClassVar[frozenset[str]] = frozenset({"cuts", "clips"})

    method: str
    model: str  # detector and the revision of its weights
    device: str
    precision: str
    threshold: float  # the rules that the cuts were laid under
    min_clip_seconds: float
    max_clip_seconds: float
    probabilities_key: str
    frames: int
    cut_count: int
    clip_count: int
    confidence_mean: float | None
    confidence_min: float | None
    fps: float  # frames a second of the batch this video was in
    cuts: tuple[dict[str, Any], ...]
    clips: tuple[dict[str, Any], ...]

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"{self.cut_count} cuts, {self.clip_count} clips at {self.fps:.0f} fps on {self.device}"


def rules_of(settings: Settings) -> Rules:
    """The rules that an operator set."""
    return Rules(
        threshold=settings.cut_threshold,
        min_clip_seconds=settings.min_clip_seconds,
        max_clip_seconds=settings.max_clip_seconds,
    )


def kernel(
    seen: Evidence, table: PtsTable, rules: Rules
) -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
    """Rows for `cuts` and `clips` from one video's evidence. Pure."""
    laid = Layout(seen, table, rules).whole()
    cut_rows = [
        {
            "frame": cut.frame,
            "pts": table.pts(cut.frame),
            "kind": str(cut.kind),
            "confidence": cut.confidence,
            "metadata": dict(cut.metadata),
        }
        for cut in laid
    ]
    clip_rows = [
        {**asdict(span), "start_pts": table.pts(span.start_frame), "end_pts": table.pts(span.end_frame)}
        for span in Cuts.of(table.frame_count, (cut.frame for cut in laid)).clips()
    ]
    return tuple(cut_rows), tuple(clip_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    footage: Footage
    cache: CacheResult


class Worker:
    """Holds the detector; one call takes several videos, whose windows share a network's batches."""

    def __init__(self, settings: Settings) -> None:
        self._detector = build(settings)
        self._store = store_of(settings)
        self._cache = Cache.of(settings)
        self._rules = rules_of(settings)

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[SceneDetectionResult]]:
        begun = time.monotonic()
        read = each(items, self._read)
        good = [one.footage for one in read if not isinstance(one, StageError)]
        seen = iter(self._detector.look(good, context.threads))
        fps = sum(len(video.frames) for video in good) / max(time.monotonic() - begun, 1e-9)

        def one(pair: tuple[Input, _Read | StageError]) -> SceneDetectionResult:
            item, video = pair
            if isinstance(video, StageError):
                raise video
            return self._result(item, video, next(seen), fps)

        return each(list(zip(items, read, strict=True)), one)

    def _read(self, item: Input) -> _Read:
        with self._cache.hold(self._store, item.analysis_key) as held:
            # The open file stays readable even when the cache evicts it.
            frames = RawFrames(held.path, item.frame_count)
        base = TimeBase(num=item.time_base_num, den=item.time_base_den)
        footage = Footage(frames=frames, table=pts_table(self._store.read(item.pts_key), base))
        return _Read(footage=footage, cache=CacheResult.of(held))

    def _result(self, item: Input, read: _Read, seen: Evidence, fps: float) -> SceneDetectionResult:
        begun = time.monotonic()
        cuts, clips = kernel(seen, read.footage.table, self._rules)
        key = evidence_key(item.content_hash, self._detector)
        stored = self._store.put_bytes(key, pack(seen))
        confidences = [row["confidence"] for row in cuts]
        return SceneDetectionResult(
            method=self._detector.name,
            model=self._detector.revision,
            device=self._detector.device,
            precision=self._detector.precision,
            threshold=self._rules.threshold,
            min_clip_seconds=self._rules.min_clip_seconds,
            max_clip_seconds=self._rules.max_clip_seconds,
            probabilities_key=stored.key,
            frames=item.frame_count,
            cut_count=len(cuts),
            clip_count=len(clips),
            confidence_mean=math.fsum(confidences) / len(confidences) if confidences else None,
            confidence_min=min(confidences, default=None),
            fps=fps,
            cuts=cuts,
            clips=clips,
            cache=read.cache,
            # Of the look at all of them together it has the share of its frames.
            seconds=len(read.footage.frames) / fps + time.monotonic() - begun,
        )


def evidence_key(content_hash: str, detector: Detector) -> str:
    """Where a detector's evidence of a video lies."""
    return keys.probabilities(content_hash, detector.word)


def record(tx: Transaction, variant: int, done: Sequence[tuple[Input, SceneDetectionResult]]) -> None:
    """Write cuts and clips; the deferred trigger checks at commit that they tile the video."""
    del variant
    for item, result in done:
        _record(tx, item, result)


def _record(tx: Transaction, item: Input, result: SceneDetectionResult) -> None:
    tx.execute(
        query("record_probabilities"),
        {
            "id": item.id,
            "probabilities_key": result.probabilities_key,
            "detector": result.method,
            "detector_model": result.model,
        },
    )
    tx.execute(
        query("record_cuts"),
        {"id": item.id, "cuts": Jsonb(list(result.cuts)), "created_by": f"{result.method} {result.model}"},
    )
    tx.execute(query("record_clips"), {"id": item.id, "clips": Jsonb(list(result.clips))})


STAGE = StageCode(input=Input, worker=Worker, record=record)
