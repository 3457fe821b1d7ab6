"""Stage `facts`: a clip's analysis frames, stills and sound → numbers to filter by. Only the sound is decoded here.

It comes from the master, once for all clips of a call, so that no review proxy is needed.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import groupby
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from heaters.core.stills import still_keys
from heaters.errors import StageError
from heaters.media.listen import NOTHING, Sound
from heaters.media.look import seen, sharpness
from heaters.media.master import Master
from heaters.media.probe import probe_once
from heaters.models.ocr import Reader
from heaters.models.raw_frames import RawFrames
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageCode, StageResult, Transaction, each, portable
from heaters.stages.scratch import scratch
from heaters.stages.still import read_still
from heaters.store.cache import Cache, CacheResult
from heaters.store.objects import store_of
from heaters.store.queries import query

CHUNK_FRAMES = 512  # 24 MB as float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A clip that has its stills, and where its video's frames and sound lie."""

    id: int
    video_id: int
    stretch: int
    content_hash: str
    start_frame: int
    end_frame: int
    start_pts: int
    end_pts: int
    frame_count: int  # of the whole video
    analysis_key: str
    source_key: str
    time_base_num: int
    time_base_den: int
    has_audio: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsResult(StageResult):
    """The facts of one clip, by the names of `core/facts.py`."""

    bulk = frozenset({"facts"})

    facts: dict[str, float | None]

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"motion {self.facts['motion']:.3f}, brightness {self.facts['brightness']:.2f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Film:
    """The open files of one video."""

    frames: RawFrames
    sound: Sound | None
    cache: CacheResult


class Worker:
    """Reads frames and sound; holds a model where text is asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._scratch = settings.scratch
        self._store = store_of(settings)
        self._cache = Cache.of(settings)
        self._reader = Reader() if settings.text else None

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[FactsResult]]:
        outcomes: list[Outcome[FactsResult]] = []
        for _, group in groupby(items, lambda item: item.analysis_key):
            clips = list(group)
            try:
                with ExitStack() as stack:
                    film = self._open(stack, clips, context)
                    outcomes += each(clips, lambda item, film=film: self._one(item, film))  # type: ignore[misc]
            except StageError as error:
                outcomes += [portable(error)] * len(clips)
        return outcomes

    def _open(self, stack: ExitStack, clips: Sequence[Input], context: Context) -> _Film:
        item = clips[0]
        analysis = stack.enter_context(self._cache.hold(self._store, item.analysis_key))
        held = [analysis]
        sound = None
        if item.has_audio:
            held.append(stack.enter_context(self._cache.hold(self._store, item.source_key)))
        # A video that was prepared before sound was chosen by programme may count as one with sound.
        if item.has_audio and probe_once(held[-1].path).has_audio:
            master = Master(
                path=held[-1].path,
                probe=probe_once(held[-1].path),
                folder=stack.enter_context(scratch(self._scratch, f"facts-{item.id}")),
                has_audio=True,
                threads=context.threads,
                timeout_seconds=context.timeout_seconds,
            )
            tick = Fraction(item.time_base_num, item.time_base_den)
            sound = master.sound(min(c.start_pts for c in clips) * tick, max(c.end_pts for c in clips) * tick)
        return _Film(frames=RawFrames(analysis.path, item.frame_count), sound=sound, cache=CacheResult.of(*held))

    def _one(self, item: Input, film: _Film) -> FactsResult:
        begun = time.monotonic()
        looked = seen(
            _chunks(film.frames, item.start_frame, item.end_frame),
            dark_level=self._settings.dark_level,
            frozen_level=self._settings.frozen_level,
        )
        sound = NOTHING
        if film.sound is not None:
            tick = item.time_base_num / item.time_base_den
            sound = film.sound.heard(item.start_pts * tick, item.end_pts * tick, silent_dbfs=self._settings.silent_dbfs)
        strategy = self._settings.keyframes
        keys = still_keys(item.content_hash, item.start_frame, item.end_frame, strategy)
        pictures = [np.asarray(read_still(self._store, key)) for key in keys.values()]
        measured = {**asdict(looked), "sharpness": fmean(map(sharpness, pictures)), **asdict(sound)}
        if self._reader:
            measured["text_share"] = self._reader.share(pictures[len(pictures) // 2])
        return FactsResult(
            facts={name: None if value is None else round(value, 6) for name, value in measured.items()},
            cache=film.cache,
            seconds=time.monotonic() - begun,
        )


def _chunks(frames: RawFrames, start: int, end: int) -> Iterator[NDArray[np.uint8]]:
    for at in range(start, end, CHUNK_FRAMES):
        yield frames[at : min(at + CHUNK_FRAMES, end)]


def record(tx: Transaction, variant: int, done: Sequence[tuple[Input, FactsResult]]) -> None:
    """Write a row of facts for each clip."""
    rows = [{"id": item.id, **result.facts} for item, result in done]
    tx.execute(query("record_facts"), {"variant": variant, "facts": Jsonb(rows)})


STAGE = StageCode(input=Input, worker=Worker, record=record)
