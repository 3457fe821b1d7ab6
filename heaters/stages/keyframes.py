"""Stage `keyframes`: a clip → its stills as JPEG, taken from the all-intra proxy."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from psycopg.types.json import Jsonb

from heaters.core.stills import still_frames, still_keys
from heaters.errors import StageError
from heaters.media.frames import jpeg
from heaters.media.readers import Frames, open_frames
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageCode, StageResult, Transaction, each, portable
from heaters.store.cache import Cache, CacheResult
from heaters.store.objects import store_of
from heaters.store.queries import query

# 90 of 100 keeps a still's file near 60 kB at 720p, with no artefact that an embedding at 224–384 px would see.
JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A clip and its video's proxy."""

    id: int
    video_id: int
    stretch: int
    content_hash: str
    proxy_key: str
    start_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """One stored JPEG."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeResult(StageResult):
    """The stills of one clip are in the store."""

    bulk: ClassVar[frozenset[str]] = frozenset({"stills"})

    strategy: str
    images: int
    stills: tuple[Still, ...]  # in time order

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"{self.images} stills"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Film:
    """The open proxy of one video."""

    reader: Frames
    cache: CacheResult


class Worker:
    """Reads single frames of the proxy; holds no model."""

    def __init__(self, settings: Settings) -> None:
        self._store = store_of(settings)
        self._cache = Cache(settings.cache)
        self._strategy = settings.keyframes
        self._reader = settings.reader

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[KeyframeResult]]:
        del context  # reading a few intra frames keeps one thread busy at most
        outcomes: list[Outcome[KeyframeResult]] = []
        for proxy_key, group in groupby(items, lambda item: item.proxy_key):
            clips = list(group)
            try:
                with (
                    self._cache.hold(self._store, proxy_key) as held,
                    open_frames(held.path, self._reader) as reader,
                ):
                    film = _Film(reader=reader, cache=CacheResult.of(held))
                    outcomes += each(clips, lambda item, film=film: self._one(item, film))  # type: ignore[misc]
            except StageError as error:
                outcomes += [portable(error)] * len(clips)
        return outcomes

    def _one(self, item: Input, film: _Film) -> KeyframeResult:
        begun = time.monotonic()
        wanted = still_frames(item.start_frame, item.end_frame, self._strategy)
        keys = still_keys(item.content_hash, item.start_frame, item.end_frame, self._strategy)
        stills = []
        pictures = film.reader.read(list(wanted.values()))
        for tag, picture in zip(wanted, pictures, strict=True):
            stored = self._store.put_bytes(keys[tag], jpeg(picture, JPEG_QUALITY))
            stills.append(Still(sha256=stored.sha256, size_bytes=stored.size_bytes))
        return KeyframeResult(
            strategy=self._strategy,
            images=len(stills),
            stills=tuple(stills),
            cache=film.cache,
            seconds=time.monotonic() - begun,
        )


def record(tx: Transaction, variant: int, done: Sequence[tuple[Input, KeyframeResult]]) -> None:
    """Write a row of stills for each clip."""
    tx.execute(
        query("record_stills"),
        {
            "variant": variant,
            "clip_ids": [item.id for item, _ in done],
            "sha256": [b"".join(bytes.fromhex(still.sha256) for still in result.stills) for _, result in done],
            "sizes": [Jsonb([still.size_bytes for still in result.stills]) for _, result in done],
        },
    )


STAGE = StageCode(input=Input, worker=Worker, record=record)
