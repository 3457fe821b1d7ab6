"""Stage `proxy`: the review proxy of a prepared video that has none, made because somebody wants to see it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from heaters.core import keys
from heaters.core.shapes import Shapes
from heaters.media.prepare import MEMORY_BYTES
from heaters.media.probe import probe_once
from heaters.media.proxy import PROXY_SETTINGS, make_proxy
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageCode, StageResult, Transaction, each
from heaters.stages.scratch import scratch
from heaters.store.cache import Cache, CacheResult
from heaters.store.objects import store_of
from heaters.store.queries import query
from heaters.store.tracks import Tracks


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A prepared video without a proxy."""

    id: int
    content_hash: str
    source_key: str
    pts_key: str
    time_base_num: int
    time_base_den: int
    has_audio: bool
    shapes: Sequence[Sequence[int]]  # as stored; none where all frames have the one shape


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyResult(StageResult):
    """The proxy is in the store and has exactly the frames that `prepare` found, at their times."""

    proxy_key: str
    proxy_bytes: int
    frame_count: int
    reused: bool  # the source was a fit proxy already

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"{self.frame_count} frames, {self.proxy_bytes / 1e6:.1f} MB"


class Worker:
    """Runs ffmpeg; holds no model."""

    def __init__(self, settings: Settings) -> None:
        self._scratch = settings.scratch
        self._store = store_of(settings)
        self._tracks = Tracks(self._store)
        self._cache = Cache(settings.cache)

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[ProxyResult]]:
        return each(items, lambda item: self._one(item, context))

    def _one(self, item: Input, context: Context) -> ProxyResult:
        begun = time.monotonic()
        pts = self._tracks.pts(item.pts_key)[:-1]  # the last entry is the end of the last frame
        with (
            scratch(self._scratch, f"proxy-{item.id}") as folder,
            self._cache.hold(self._store, item.source_key) as held,
        ):
            made = make_proxy(
                held.path,
                folder / "proxy.mp4",
                probe_once(held.path),
                pts=pts,
                time_base=Fraction(item.time_base_num, item.time_base_den),
                has_audio=item.has_audio,
                threads=context.threads,
                timeout_seconds=context.timeout_seconds,
                memory_bytes=MEMORY_BYTES,
                shapes=Shapes.stored(item.shapes),
            )
            stored = self._store.put_file(keys.proxy(item.content_hash, keys.params(PROXY_SETTINGS)), made.path)
            self._cache.keep(self._store, stored, made.path)
        return ProxyResult(
            proxy_key=stored.key,
            proxy_bytes=stored.size_bytes,
            frame_count=len(pts),
            reused=made.reused,
            cache=CacheResult.of(held),
            seconds=time.monotonic() - begun,
        )


def record(tx: Transaction, variant: int, done: Sequence[tuple[Input, ProxyResult]]) -> None:
    """Write the keys."""
    del variant
    given = {"ids": [item.id for item, _ in done], "proxy_keys": [result.proxy_key for _, result in done]}
    tx.execute(query("record_proxy"), given)


STAGE = StageCode(input=Input, worker=Worker, record=record)
