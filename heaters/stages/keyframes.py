"""Stage `keyframes`: a clip → its stills as JPEG: pictures of the sample track, copied as they are.

Where no sample lies in a clip, its frames are read from the master. Videos that were prepared before there were sample
tracks have their stills from the proxy.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import ClassVar

import numpy as np
from psycopg.types.json import Jsonb

from heaters.core.shapes import Shapes
from heaters.core.stills import StillOrigin, sampled_frames, still_frames, still_keys
from heaters.errors import StageError
from heaters.media.frames import jpeg
from heaters.media.master import Master
from heaters.media.probe import probe_once
from heaters.media.readers import Frames, open_frames
from heaters.media.samples import SampleTrack
from heaters.models.raw_frames import RawFrames
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageCode, StageResult, Transaction, each, portable
from heaters.stages.scratch import scratch
from heaters.store.cache import Cache, CacheResult
from heaters.store.objects import store_of
from heaters.store.queries import query
from heaters.store.tracks import Tracks

# Of frames of a proxy. 90 of 100 has no artefact that an embedding at 224–384 px would see.
JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A clip and where its video's pictures lie: `sample_key` or, of old, `proxy_key`."""

    id: int
    video_id: int
    stretch: int
    content_hash: str
    source_key: str
    sample_key: str | None
    proxy_key: str | None
    analysis_key: str
    pts_key: str
    has_audio: bool
    time_base_num: int
    time_base_den: int
    frame_count: int  # of the whole video
    start_frame: int
    end_frame: int
    shapes: Sequence[Sequence[int]]  # of the clip, as stored; none where its frames have the master's one shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """One stored JPEG and the frame that it shows."""

    frame: int
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeResult(StageResult):
    """The stills of one clip are in the store."""

    bulk: ClassVar[frozenset[str]] = frozenset({"stills"})

    strategy: str
    origin: StillOrigin
    images: int
    stills: tuple[Still, ...]  # in time order

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"{self.images} stills"


# The JPEGs of a clip by tag, each with its frame, and where they come from.
Taken = tuple[StillOrigin, dict[str, tuple[int, bytes]], CacheResult]


class Worker:
    """Copies pictures of the sample track, reads single frames elsewhere; holds no model."""

    def __init__(self, settings: Settings) -> None:
        self._scratch = settings.scratch
        self._store = store_of(settings)
        self._tracks = Tracks(self._store)
        self._cache = Cache(settings.cache)
        self._strategy = settings.keyframes
        self._reader = settings.reader

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[KeyframeResult]]:
        outcomes: list[Outcome[KeyframeResult]] = []
        for _, group in groupby(items, lambda item: item.video_id):
            clips = list(group)
            try:
                with ExitStack() as stack:
                    take = self._taker(stack, clips[0], context)
                    outcomes += each(clips, lambda item, take=take: self._one(item, take))  # type: ignore[misc]
            except StageError as error:
                outcomes += [portable(error)] * len(clips)
        return outcomes

    def _taker(self, stack: ExitStack, item: Input, context: Context) -> Callable[[Input], Taken]:
        """How the clips of a video get their pictures; its track is open as long as `stack` is."""
        if item.sample_key is None:
            assert item.proxy_key is not None  # the database holds that a prepared video has one of the two
            held = stack.enter_context(self._cache.hold(self._store, item.proxy_key))
            reader = stack.enter_context(open_frames(held.path, self._reader))
            return lambda clip: self._from_proxy(clip, reader, CacheResult.of(held))
        held = stack.enter_context(self._cache.hold(self._store, item.sample_key))
        track = stack.enter_context(SampleTrack(held.path))
        samples = track.frames.tolist()

        def take(clip: Input) -> Taken:
            wanted = sampled_frames(clip.start_frame, clip.end_frame, self._strategy, samples)
            if not wanted:
                return self._from_master(clip, context)
            jpegs = {tag: (frame, track.read(frame).jpeg) for tag, frame in wanted.items()}
            return StillOrigin.SAMPLE, jpegs, CacheResult.of(held)

        return take

    def _from_proxy(self, item: Input, reader: Frames, cache: CacheResult) -> Taken:
        wanted = still_frames(item.start_frame, item.end_frame, self._strategy)
        pictures = zip(wanted.items(), reader.read(list(wanted.values())), strict=True)
        jpegs = {tag: (frame, jpeg(picture, JPEG_QUALITY)) for (tag, frame), picture in pictures}
        return StillOrigin.PROXY, jpegs, cache

    def _from_master(self, item: Input, context: Context) -> Taken:
        wanted = still_frames(item.start_frame, item.end_frame, self._strategy)
        frames = sorted(set(wanted.values()))  # a clip may have fewer frames than its strategy has places
        with (
            scratch(self._scratch, f"keyframes-{item.id}") as folder,
            self._cache.hold(self._store, item.source_key) as held,
            self._cache.hold(self._store, item.analysis_key) as analysis,
        ):
            looks = RawFrames(analysis.path, item.frame_count)
            master = Master(
                path=held.path,
                probe=probe_once(held.path),
                folder=folder,
                has_audio=item.has_audio,
                threads=context.threads,
                timeout_seconds=context.timeout_seconds,
            )
            shapes = Shapes.stored(item.shapes)
            places = [frame - item.start_frame for frame in frames]
            found = master.frames(
                self._tracks.pts(item.pts_key)[frames].tolist(),
                Fraction(item.time_base_num, item.time_base_den),
                np.stack([looks[frame] for frame in frames]),
                [shapes.size(place, place + 1) for place in places] if shapes else None,
            )
        jpegs = dict(zip(frames, found, strict=True))
        taken = {tag: (frame, jpegs[frame]) for tag, frame in wanted.items()}
        return StillOrigin.MASTER, taken, CacheResult.of(held, analysis)

    def _one(self, item: Input, take: Callable[[Input], Taken]) -> KeyframeResult:
        begun = time.monotonic()
        origin, jpegs, cache = take(item)
        keys = still_keys(item.content_hash, item.start_frame, item.end_frame, self._strategy)
        stills = []
        for tag, (frame, data) in jpegs.items():
            stored = self._store.put_bytes(keys[tag], data)
            stills.append(Still(frame=frame, sha256=stored.sha256, size_bytes=stored.size_bytes))
        return KeyframeResult(
            strategy=self._strategy,
            origin=origin,
            images=len(stills),
            stills=tuple(stills),
            cache=cache,
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
            "origins": [str(result.origin) for _, result in done],
            "frames": [Jsonb([still.frame for still in result.stills]) for _, result in done],
        },
    )


STAGE = StageCode(input=Input, worker=Worker, record=record)
