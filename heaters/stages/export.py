"""Stage `export`: an approved clip → a file that holds exactly its frames."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from heaters.core import keys
from heaters.core.shapes import Shapes
from heaters.errors import StageError
from heaters.media.ffmpeg import ANALYSIS_HEIGHT, ANALYSIS_WIDTH, Span
from heaters.media.profiles import ask_ahead, profile
from heaters.media.splice.asking import Asked, Clip
from heaters.media.target import Target
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageCode, StageResult, Transaction, each
from heaters.stages.scratch import scratch
from heaters.store.cache import Cache, CacheResult
from heaters.store.objects import store_of
from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An approved clip `[start_frame, end_frame)` and where its video lies."""

    id: int
    video_id: int
    stretch: int
    content_hash: str
    source_key: str
    proxy_key: str
    analysis_key: str
    has_audio: bool
    time_base_num: int
    time_base_den: int
    frame_count: int  # of the whole video
    start_frame: int
    end_frame: int
    start_pts: int
    end_pts: int
    shapes: Sequence[Sequence[int]]  # of the clip, as stored; none where its frames have the master's one shape

    @property
    def clip_shapes(self) -> Shapes | None:
        """Counted from the clip's first frame; None for the master's one shape."""
        return Shapes.stored(self.shapes)

    @property
    def span(self) -> Span:
        """The clip in the video's own ticks."""
        return Span(
            start_pts=self.start_pts,
            end_pts=self.end_pts,
            time_base=Fraction(self.time_base_num, self.time_base_den),
            frames=self.end_frame - self.start_frame,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult(StageResult):
    """The clip's file is in the store and holds `frames` frames, counted."""

    profile: str  # with what differs from its usual form, as in the variant
    params: str  # the hash of the encoder's settings, in the file's key
    key: str
    sha256: str
    size_bytes: int
    frames: int
    width: int  # as displayed
    height: int
    copied: int  # of them; the others were encoded
    rule: str  # why none was copied where that was asked for, with the evidence; else empty
    clip_seconds: float
    seek: str  # indexed, or linear when the index led to the wrong frames

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        how = f", {self.copied} copied" if self.copied else ""
        return f"{self.frames} frames{how}, {self.size_bytes / 1e6:.1f} MB"


class _Ahead(NamedTuple):
    """What the child made of a clip, and its share of the child's time."""

    asked: Asked
    seconds: float


class Worker:
    """Runs ffmpeg; holds no model."""

    def __init__(self, settings: Settings) -> None:
        self._scratch = settings.scratch
        self._store = store_of(settings)
        self._cache = Cache(settings.cache)
        self._variant = settings.variant("export")
        self._profile = profile(settings.export_profile, _target(settings))
        self._params = keys.params(self._profile.settings)

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[ExportResult]]:
        with scratch(self._scratch, f"export-{items[0].id}") as folder:
            asked = self._ask_ahead(items, context, folder) if self._profile.asks_ahead else {}
            return each(items, lambda item: self._one(item, context, folder, asked.get(item.id)))

    def _ask_ahead(self, items: Sequence[Input], context: Context, folder: Path) -> dict[int, _Ahead]:
        """By clip, what one child made of it that took all clips of its video: neighbours share what it decodes. Where
        that fails the clips are copied one by one, and the bad one fails alone.
        """
        found: dict[int, _Ahead] = {}
        for key, group in groupby(sorted(items, key=lambda item: item.source_key), key=lambda item: item.source_key):
            clips, begun = list(group), time.monotonic()
            with suppress(StageError), self._cache.hold(self._store, key) as held:
                asked = ask_ahead(
                    held.path,
                    [Clip(out=_out(folder, item), span=item.span, shapes=item.clip_shapes) for item in clips],
                    has_audio=clips[0].has_audio,
                    threads=context.threads,
                    timeout_seconds=context.timeout_seconds,
                )
                share = (time.monotonic() - begun) / len(clips)
                found |= {item.id: _Ahead(answer, share) for item, answer in zip(clips, asked, strict=True)}
        return found

    def _one(self, item: Input, context: Context, folder: Path, ahead: _Ahead | None) -> ExportResult:
        begun = time.monotonic()
        span = (item.content_hash, item.start_frame, item.end_frame)
        key = keys.clip_export(*span, self._variant, self._params)
        origin = item.proxy_key if self._profile.from_proxy else item.source_key
        out = _out(folder, item)
        with (
            self._cache.hold(self._store, origin) as held,
            self._cache.hold(self._store, item.analysis_key) as analysis,
        ):
            clip = item.span
            shape = (item.frame_count, ANALYSIS_HEIGHT, ANALYSIS_WIDTH, 3)
            pictures = np.memmap(analysis.path, np.uint8, "r", shape=shape)[item.start_frame : item.end_frame]
            made = self._profile.export(
                held.path,
                out,
                start_pts=clip.start_pts,
                end_pts=clip.end_pts,
                time_base=clip.time_base,
                frame_count=clip.frames,
                has_audio=item.has_audio,
                threads=context.threads,
                timeout_seconds=context.timeout_seconds,
                pictures=pictures,
                shapes=item.clip_shapes,
                **({"asked": ahead.asked} if ahead is not None else {}),
            )
            stored = self._store.put_file(key, out)
            out.unlink(missing_ok=True)  # a call has many clips
        return ExportResult(
            profile=self._variant,
            params=self._params,
            key=stored.key,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            frames=made.frames,
            width=made.width,
            height=made.height,
            copied=made.copied,
            rule=made.rule,
            clip_seconds=float((clip.end_pts - clip.start_pts) * clip.time_base),
            seek=made.seek,
            cache=CacheResult.of(held, analysis),
            seconds=time.monotonic() - begun + (ahead.seconds if ahead is not None else 0.0),
        )


def _out(folder: Path, item: Input) -> Path:
    """The clip's file while it is made."""
    return folder / f"{item.id}.mp4"


def _target(settings: Settings) -> Target:
    """The form that the settings ask of the profile `encode`."""
    width, _, height = settings.export_size.partition("x")
    return Target(
        codec=settings.export_codec,
        crf=settings.export_crf,
        width=int(width or 0),
        height=int(height or 0),
        rate=Fraction(settings.export_rate or 0),
    )


def record(tx: Transaction, variant: int, done: Sequence[tuple[Input, ExportResult]]) -> None:
    """Write a row for each file and its checksum."""
    tx.execute(
        query("record_exports"),
        {
            "variant": variant,
            "clip_ids": [item.id for item, _ in done],
            "params": [result.params for _, result in done],
            "sha256": [bytes.fromhex(result.sha256) for _, result in done],
            "size_bytes": [result.size_bytes for _, result in done],
            "frames": [result.frames for _, result in done],
            "widths": [result.width for _, result in done],
            "heights": [result.height for _, result in done],
            "copied": [result.copied for _, result in done],
            "rules": [result.rule for _, result in done],
        },
    )


STAGE = StageCode(input=Input, worker=Worker, record=record)
