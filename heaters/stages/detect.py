"""Stage `detect`: analysis frames → per-frame probabilities → cuts → the clips between them."""

import io
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from heaters.core import keys
from heaters.core.cuts import Cuts
from heaters.core.timebase import PtsTable, TimeBase
from heaters.core.transitions import Transition, transitions
from heaters.errors import StageError
from heaters.models.evidence import VERSION as EVIDENCE_VERSION
from heaters.models.evidence import Evidence, look
from heaters.models.transnet import FRAME_SHAPE, TransNet
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageResult, Transaction, each
from heaters.store.cache import Cache
from heaters.store.objects import open_store
from heaters.store.queries import query

INPUT = "input_detect"


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
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneDetectionResult(StageResult):
    """Cuts and clips of one video. `cuts` and `clips` are rows ready for their tables."""

    bulk: ClassVar[frozenset[str]] = frozenset({"cuts", "clips"})

    method: str
    model: str  # detector and the revision of its weights
    device: str
    precision: str
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


Result = SceneDetectionResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Shortest and longest shot in frames; 0 for no longest."""

    min_frames: int
    max_frames: int


def lay_out(frame_count: int, found: Sequence[Transition], single: Sequence[float], lengths: Lengths) -> Cuts:
    """The partition of a video from its transitions: short shots merged into a neighbour, long ones split."""
    cuts = Cuts.of(frame_count, (t.frame for t in found))
    if lengths.min_frames > 1:
        cuts = cuts.without_short(lengths.min_frames, {t.frame: t.confidence for t in found})
    if lengths.max_frames:
        cuts = cuts.with_maximum(lengths.max_frames, single, max(1, lengths.min_frames))
    return cuts


def kernel(
    item: Input, table: PtsTable, evidence: Evidence, threshold: float, lengths: Lengths
) -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
    """Rows for `cuts` and `clips` from one video's evidence. Pure."""
    single = evidence.single
    found = transitions(**evidence.lists(), threshold=threshold)
    cuts = lay_out(item.frame_count, found, single.tolist(), lengths)
    by_frame = {t.frame: t for t in found}
    cut_rows = []
    for frame in cuts.frames:
        t = by_frame.get(frame)
        cut_rows.append(
            {
                "frame": frame,
                "pts": table.pts(frame),
                # A shot split for its length alone has no transition: it lies at the most likely frame.
                "kind": str(t.kind) if t else "hard",
                "confidence": round(t.confidence if t else float(single[frame]), 6),
                "metadata": {"span": [t.start_frame, t.end_frame]} if t else {"reason": "maximum length"},
            }
        )
    clip_rows = [
        {**asdict(span), "start_pts": table.pts(span.start_frame), "end_pts": table.pts(span.end_frame)}
        for span in cuts.clips()
    ]
    return tuple(cut_rows), tuple(clip_rows)


class Worker:
    """Holds the network; one call takes several videos, whose windows share its batches."""

    def __init__(self, settings: Settings) -> None:
        self._network = TransNet(device=settings.device)
        self._store = open_store(settings.store_location, s3_endpoint=settings.s3_endpoint)
        self._cache = Cache(settings.cache)
        self._settings = settings

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[SceneDetectionResult]]:
        begun = time.monotonic()
        torch.set_num_threads(context.threads)
        frames = each(items, self._frames)
        good = [frame for frame in frames if not isinstance(frame, StageError)]
        predicted = zip(good, self._network.predict_many(good), strict=True)
        seen = iter([look(shown, p.single, p.many) for shown, p in predicted])
        answers = [frame if isinstance(frame, StageError) else next(seen) for frame in frames]
        fps = sum(map(len, good)) / max(time.monotonic() - begun, 1e-9)

        def one(pair: tuple[Input, Evidence | StageError]) -> SceneDetectionResult:
            item, answer = pair
            if isinstance(answer, StageError):
                raise answer
            return self._result(item, answer, begun, fps)

        return each(list(zip(items, answers, strict=True)), one)

    def _frames(self, item: Input) -> NDArray[np.uint8]:
        with self._cache.hold(self._store, item.analysis_key) as held:
            # The mapping keeps the bytes alive even when the cache evicts the file.
            return np.memmap(held.path, np.uint8, "r", shape=(item.frame_count, *FRAME_SHAPE))

    def _result(self, item: Input, evidence: Evidence, begun: float, fps: float) -> SceneDetectionResult:
        pts = np.load(io.BytesIO(self._store.read(item.pts_key)))
        base = TimeBase(num=item.time_base_num, den=item.time_base_den)
        table = PtsTable.of(pts[:-1].tolist(), base, end_pts=int(pts[-1]))
        cuts, clips = kernel(item, table, evidence, self._settings.cut_threshold, self._lengths(item))
        facts = {"model": self._network.revision, "precision": self._network.precision, "evidence": EVIDENCE_VERSION}
        word = keys.params(facts)
        buffer = io.BytesIO()
        # Not in half precision: rounding could carry a frame over the threshold.
        np.savez_compressed(buffer, allow_pickle=False, **evidence.arrays())
        stored = self._store.put_bytes(keys.probabilities(item.content_hash, word), buffer.getvalue())
        confidences = [row["confidence"] for row in cuts]
        return SceneDetectionResult(
            method=self._settings.detector,
            model=self._network.revision,
            device=self._network.device,
            precision=self._network.precision,
            probabilities_key=stored.key,
            frames=item.frame_count,
            cut_count=len(cuts),
            clip_count=len(clips),
            confidence_mean=math.fsum(confidences) / len(confidences) if confidences else None,
            confidence_min=min(confidences, default=None),
            fps=fps,
            cuts=cuts,
            clips=clips,
            seconds=time.monotonic() - begun,
        )

    def _lengths(self, item: Input) -> Lengths:
        rate = item.frame_count / item.duration_seconds
        shortest = math.ceil(self._settings.min_clip_seconds * rate)
        longest = math.floor(self._settings.max_clip_seconds * rate)
        # Rounding may leave no room between the two; the longest gives way.
        return Lengths(min_frames=shortest, max_frames=longest and max(longest, 2 * shortest - 1, 1))


def record(tx: Transaction, item: Input, result: SceneDetectionResult) -> None:
    """Write cuts and clips; the deferred trigger checks at commit that they tile the video."""
    tx.execute(query("record_probabilities"), {"id": item.id, "probabilities_key": result.probabilities_key})
    tx.execute(
        query("record_cuts"),
        {"id": item.id, "cuts": Jsonb(list(result.cuts)), "created_by": f"{result.method} {result.model}"},
    )
    tx.execute(query("record_clips"), {"id": item.id, "clips": Jsonb(list(result.clips))})
