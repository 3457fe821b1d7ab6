"""Stage `facts`: a clip's analysis frames, stills and sound → numbers to filter by. Only the sound is decoded here."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from heaters.core import keys
from heaters.media.listen import Heard, heard
from heaters.media.look import seen, sharpness
from heaters.models.ocr import Reader
from heaters.models.raw_frames import RawFrames
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageResult, Transaction, each
from heaters.stages.still import read_still
from heaters.store.cache import Cache, CacheResult
from heaters.store.objects import store_of
from heaters.store.queries import query

INPUT = "input_facts"
CHUNK_FRAMES = 512  # 24 MB as float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A clip with its file and stills."""

    id: int
    content_hash: str
    start_frame: int
    end_frame: int
    frame_count: int  # of the whole video
    analysis_key: str
    export_key: str
    has_audio: bool
    stills: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsResult(StageResult):
    """The facts of one clip, by the names of `core/facts.py`, and where they lie as JSON."""

    version: str
    facts: dict[str, float | None]
    key: str
    sha256: str
    size_bytes: int

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"motion {self.facts['motion']:.3f}, brightness {self.facts['brightness']:.2f}"


Result = FactsResult


class Worker:
    """Reads frames and sound; holds a model where text is asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = store_of(settings)
        self._cache = Cache(settings.cache)
        self._reader = Reader() if settings.text else None

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[FactsResult]]:
        del context  # a clip keeps one thread busy
        return each(items, self._one)

    def _one(self, item: Input) -> FactsResult:
        begun = time.monotonic()
        with self._cache.hold(self._store, item.analysis_key) as analysis:
            looked = seen(
                _chunks(RawFrames(analysis.path, item.frame_count), item.start_frame, item.end_frame),
                dark_level=self._settings.dark_level,
                frozen_level=self._settings.frozen_level,
            )
        sound = Heard(loudness_dbfs=None, silence_share=None)
        read = [analysis]
        if item.has_audio:
            with self._cache.hold(self._store, item.export_key) as exported:
                sound = heard(exported.path, silent_dbfs=self._settings.silent_dbfs)
            read.append(exported)
        pictures = [np.asarray(read_still(self._store, key)) for key in item.stills]
        sharp = [sharpness(picture) for picture in pictures]
        measured = {**asdict(looked), "sharpness": fmean(sharp) if sharp else None, **asdict(sound)}
        if self._reader and pictures:
            measured["text_share"] = self._reader.share(pictures[len(pictures) // 2])
        facts = {name: None if value is None else round(value, 6) for name, value in measured.items()}
        data = json.dumps(facts, sort_keys=True).encode()
        version = self._settings.variant("facts")
        stored = self._store.put_bytes(
            keys.clip_facts(item.content_hash, item.start_frame, item.end_frame, version), data
        )
        return FactsResult(
            version=version,
            facts=facts,
            key=stored.key,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            cache=CacheResult.of(*read),
            seconds=time.monotonic() - begun,
        )


def _chunks(frames: RawFrames, start: int, end: int) -> Iterator[NDArray[np.uint8]]:
    for at in range(start, end, CHUNK_FRAMES):
        yield frames[at : min(at + CHUNK_FRAMES, end)]


def record(tx: Transaction, item: Input, result: FactsResult) -> None:
    """Write the facts as an artifact of the clip, whose metadata they are."""
    tx.execute(
        query("record_artifact"),
        {
            "clip_id": item.id,
            "kind": "facts",
            "strategy": result.version,
            "tag": "",
            "key": result.key,
            "sha256": result.sha256,
            "size_bytes": result.size_bytes,
            "metadata": Jsonb(result.facts),
        },
    )
