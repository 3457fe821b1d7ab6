"""Stage `prepare`: one decode of the master → sample track, 48×27 analysis frames, every PTS, maybe the proxy."""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from psycopg.types.json import Jsonb

from heaters.core import keys
from heaters.media.playable import is_playable
from heaters.media.prepare import ANALYSIS_SETTINGS, prepare
from heaters.media.probe import probe
from heaters.media.proxy import PROXY_SETTINGS
from heaters.media.samples import SAMPLE_SETTINGS
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageCode, StageResult, Transaction, each, plain
from heaters.stages.scratch import scratch
from heaters.store.cache import Cache, CacheResult
from heaters.store.objects import Stored, store_of
from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A master in the store."""

    id: int
    content_hash: str
    source_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareResult(StageResult):
    """Sample track, analysis frames, PTS and maybe the proxy are in the store.

    Times are `pts * time_base_num / time_base_den` seconds.
    """

    bulk: ClassVar[frozenset[str]] = frozenset({"shapes"})

    sample_key: str
    proxy_key: str | None  # None: nobody reviews, as far as the run knew
    analysis_key: str
    pts_key: str
    frame_count: int
    sample_count: int
    time_base_num: int
    time_base_den: int
    duration_seconds: float
    is_vfr: bool
    has_audio: bool  # sound was decoded
    shapes: tuple[tuple[int, int, int], ...]  # runs of `Shapes`; none where all frames have one shape
    is_partial: bool
    partial_reason: str
    concealed: int  # frames that the decoder made up in part, or could not decode
    repaired_pts: int  # frames whose time stamp did not rise
    proxy_dropped: str  # why there is no proxy though one was asked for
    audio_dropped: str  # why its sound is left out though the source has some
    is_playable: bool  # browsers play the master as it is, by the same times
    reused: bool  # the source was a fit proxy already
    encode_fps: float
    compression_ratio: float | None  # source bytes / proxy bytes
    proxy_bytes: int
    sample_bytes: int

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        damaged = f" ({self.concealed} frames damaged)" if self.concealed else ""
        partial = f", PARTIAL: {self.partial_reason}{damaged}" if self.is_partial else ""
        return f"{self.frame_count} frames at {self.encode_fps:.0f} fps{partial}"


def pts_table(path: Path, end_pts: int) -> bytes:
    """The stored form of a PTS table: .npy, int64 [frame_count + 1], whose last entry is the end of the last frame."""
    buffer = io.BytesIO()
    np.save(buffer, np.append(np.load(path), np.int64(end_pts)))
    return buffer.getvalue()


class Worker:
    """Runs ffmpeg; holds no model."""

    def __init__(self, settings: Settings) -> None:
        self._with_proxy = settings.makes_proxies
        self._most_damage = settings.most_damage
        self._scratch = settings.scratch
        self._store = store_of(settings)
        self._cache = Cache(settings.cache)

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[PrepareResult]]:
        return each(items, lambda item: self._one(item, context))

    def _one(self, item: Input, context: Context) -> PrepareResult:
        begun = time.monotonic()
        with (
            scratch(self._scratch, f"prepare-{item.id}") as folder,
            self._cache.hold(self._store, item.source_key) as held,
        ):
            facts = probe(held.path)
            made = prepare(
                held.path,
                folder,
                facts,
                threads=context.threads,
                timeout_seconds=context.timeout_seconds,
                with_proxy=self._with_proxy,
                most_damage=self._most_damage,
            )
            proxy = made.proxy and self._put(keys.proxy(item.content_hash, keys.params(PROXY_SETTINGS)), made.proxy)
            samples = self._put(keys.samples(item.content_hash, keys.params(SAMPLE_SETTINGS)), made.samples)
            word = keys.params(ANALYSIS_SETTINGS)
            analysis = self._put(keys.analysis(item.content_hash, word), made.analysis)
            pts = self._store.put_bytes(keys.pts(item.content_hash, word), pts_table(made.pts, made.end_pts))
        return PrepareResult(
            sample_key=samples.key,
            proxy_key=proxy.key if proxy else None,
            analysis_key=analysis.key,
            pts_key=pts.key,
            frame_count=made.frame_count,
            sample_count=made.sample_count,
            time_base_num=made.time_base.numerator,
            time_base_den=made.time_base.denominator,
            duration_seconds=made.duration_seconds,
            is_vfr=made.is_vfr,
            has_audio=made.has_audio,
            shapes=made.shapes.changes,
            is_partial=made.is_partial,
            partial_reason=made.partial_reason,
            concealed=made.concealed,
            repaired_pts=made.repaired_pts,
            proxy_dropped=made.proxy_dropped,
            audio_dropped=made.audio_dropped,
            is_playable=is_playable(facts, made),
            reused=made.reused,
            encode_fps=made.encode_fps,
            compression_ratio=made.compression_ratio,
            proxy_bytes=proxy.size_bytes if proxy else 0,
            sample_bytes=samples.size_bytes,
            cache=CacheResult.of(held),
            seconds=time.monotonic() - begun,
        )

    def _put(self, key: str, path: Path) -> Stored:
        """Store a file, and keep it on this node for the stages to come."""
        stored = self._store.put_file(key, path)
        self._cache.keep(self._store, stored, path)
        return stored


def record(tx: Transaction, variant: int, done: Sequence[tuple[Input, PrepareResult]]) -> None:
    """Write the keys and the counted, true facts of the video."""
    del variant
    for item, result in done:
        _record(tx, item, result)


def _record(tx: Transaction, item: Input, result: PrepareResult) -> None:
    tx.execute(query("record_prepare"), {"id": item.id, "shapes": Jsonb(plain(result.shapes)), **result.figures()})


STAGE = StageCode(input=Input, worker=Worker, record=record)
