"""Stage `keyframes`: an exported clip → its stills as JPEG, taken from the all-intra proxy."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from psycopg.types.json import Jsonb

from heaters.core import keys
from heaters.media.frames import FrameReader, write_jpeg
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageResult, Transaction, each
from heaters.stages.scratch import scratch
from heaters.store.cache import Cache, CacheResult
from heaters.store.objects import store_of
from heaters.store.queries import query

INPUT = "input_keyframes"

# 90 of 100 keeps a still's file near 60 kB at 720p, with no artefact that an embedding at 224–384 px would see.
JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A clip and its video's proxy."""

    id: int
    content_hash: str
    proxy_key: str
    start_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """One stored JPEG; `frame` counts from the start of the video."""

    tag: str
    frame: int
    key: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeResult(StageResult):
    """The stills of one clip are in the store."""

    bulk: ClassVar[frozenset[str]] = frozenset({"stills"})

    strategy: str
    images: int
    stills: tuple[Still, ...]

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"{self.images} stills"


Result = KeyframeResult


def places(strategy: str) -> dict[str, float]:
    """Where the stills of a strategy lie, in per cent of the clip's frames, by tag: tags sort in time order.

    midpoint: p50. multi: p25, p50, p75. multi:N: N of them evenly, `100 · i / (N + 1)`.
    """
    if strategy == "midpoint":
        return {"p50": 50.0}
    count = int(strategy.partition(":")[2] or 3)
    percents = [100 * i / (count + 1) for i in range(1, count + 1)]
    return {f"p{round(percent):02d}": percent for percent in percents}


def kernel(start_frame: int, end_frame: int, strategy: str) -> dict[str, int]:
    """The frame of each tag: `start + floor(length · per cent / 100)`, always inside `[start_frame, end_frame)`."""
    length = end_frame - start_frame
    return {tag: start_frame + int(length * percent / 100) for tag, percent in places(strategy).items()}


class Worker:
    """Reads single frames of the proxy; holds no model."""

    def __init__(self, settings: Settings) -> None:
        self._scratch = settings.scratch
        self._store = store_of(settings)
        self._cache = Cache(settings.cache)
        self._strategy = settings.keyframes

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[KeyframeResult]]:
        del context  # reading a few intra frames keeps one thread busy at most
        return each(items, self._one)

    def _one(self, item: Input) -> KeyframeResult:
        begun = time.monotonic()
        wanted = kernel(item.start_frame, item.end_frame, self._strategy)
        stills = []
        with (
            scratch(self._scratch, f"keyframes-{item.id}") as folder,
            self._cache.hold(self._store, item.proxy_key) as held,
        ):
            with FrameReader(held.path) as reader:
                pictures = reader.read(list(wanted.values()))
            for (tag, frame), picture in zip(wanted.items(), pictures, strict=True):
                path = folder / f"{tag}.jpg"
                write_jpeg(picture, path, JPEG_QUALITY)
                key = keys.keyframe(
                    item.content_hash, item.start_frame, item.end_frame, self._strategy.replace(":", "-"), tag
                )
                stored = self._store.put_file(key, path)
                stills.append(Still(tag=tag, frame=frame, key=key, sha256=stored.sha256, size_bytes=stored.size_bytes))
        return KeyframeResult(
            strategy=self._strategy,
            images=len(stills),
            stills=tuple(stills),
            cache=CacheResult.of(held),
            seconds=time.monotonic() - begun,
        )


def record(tx: Transaction, item: Input, result: KeyframeResult) -> None:
    """Write one artifact per still."""
    for still in result.stills:
        row = asdict(still)
        frame = row.pop("frame")
        tx.execute(
            query("record_artifact"),
            {
                "clip_id": item.id,
                "kind": "keyframe",
                "strategy": result.strategy,
                "metadata": Jsonb({"frame": frame}),
                **row,
            },
        )
