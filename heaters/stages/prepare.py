"""Stage `prepare`: one decode of the master → review proxy, 48×27 analysis frames, the PTS of every frame."""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heaters.core import keys
from heaters.media.prepare import PREPARE_SETTINGS, prepare
from heaters.media.probe import probe
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageCode, StageResult, Transaction, each
from heaters.stages.scratch import scratch
from heaters.store.cache import Cache, CacheResult
from heaters.store.objects import store_of
from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A master in the store."""

    id: int
    content_hash: str
    source_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareResult(StageResult):
    """Proxy, analysis frames and PTS are in the store. Times are `pts * time_base_num / time_base_den` seconds."""

    proxy_key: str
    analysis_key: str
    pts_key: str
    frame_count: int
    time_base_num: int
    time_base_den: int
    duration_seconds: float
    is_vfr: bool
    is_partial: bool
    partial_reason: str
    repaired_pts: int  # frames whose time stamp did not rise
    audio_dropped: str  # why the proxy is silent though the source is not
    reused: bool  # the source was a fit proxy already
    encode_fps: float
    compression_ratio: float  # source bytes / proxy bytes
    proxy_bytes: int

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        partial = f", PARTIAL: {self.partial_reason}" if self.is_partial else ""
        return f"{self.frame_count} frames at {self.encode_fps:.0f} fps{partial}"


def pts_table(path: Path, end_pts: int) -> bytes:
    """The stored form of a PTS table: .npy, int64 [frame_count + 1], whose last entry is the end of the last frame."""
    buffer = io.BytesIO()
    np.save(buffer, np.append(np.load(path), np.int64(end_pts)))
    return buffer.getvalue()


class Worker:
    """Runs ffmpeg; holds no model."""

    def __init__(self, settings: Settings) -> None:
        self._scratch = settings.scratch
        self._store = store_of(settings)
        self._cache = Cache(settings.cache)

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[PrepareResult]]:
        return each(items, lambda item: self._one(item, context))

    def _one(self, item: Input, context: Context) -> PrepareResult:
        begun = time.monotonic()
        word = keys.params(PREPARE_SETTINGS)
        with (
            scratch(self._scratch, f"prepare-{item.id}") as folder,
            self._cache.hold(self._store, item.source_key) as held,
        ):
            made = prepare(
                held.path,
                folder,
                probe(held.path),
                threads=context.threads,
                timeout_seconds=context.timeout_seconds,
            )
            proxy = self._store.put_file(keys.proxy(item.content_hash, word), made.proxy)
            analysis = self._store.put_file(keys.analysis(item.content_hash, word), made.analysis)
            for stored, path in ((proxy, made.proxy), (analysis, made.analysis)):
                self._cache.keep(self._store, stored, path)
            pts = self._store.put_bytes(keys.pts(item.content_hash, word), pts_table(made.pts, made.end_pts))
        return PrepareResult(
            proxy_key=proxy.key,
            analysis_key=analysis.key,
            pts_key=pts.key,
            frame_count=made.frame_count,
            time_base_num=made.time_base.numerator,
            time_base_den=made.time_base.denominator,
            duration_seconds=made.duration_seconds,
            is_vfr=made.is_vfr,
            is_partial=made.is_partial,
            partial_reason=made.partial_reason,
            repaired_pts=made.repaired_pts,
            audio_dropped=made.audio_dropped,
            reused=made.reused,
            encode_fps=made.encode_fps,
            compression_ratio=made.compression_ratio,
            proxy_bytes=proxy.size_bytes,
            cache=CacheResult.of(held),
            seconds=time.monotonic() - begun,
        )


def record(tx: Transaction, variant: int, done: Sequence[tuple[Input, PrepareResult]]) -> None:
    """Write the keys and the counted, true facts of the video."""
    del variant
    for item, result in done:
        _record(tx, item, result)


def _record(tx: Transaction, item: Input, result: PrepareResult) -> None:
    tx.execute(query("record_prepare"), {"id": item.id, **result.figures()})


STAGE = StageCode(input=Input, worker=Worker, record=record)
