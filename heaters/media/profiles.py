"""The profiles of exported clips, in one table: which file a clip is made from, how, and what its key depends on."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from heaters.core.shapes import Shapes
from heaters.media.cutting import (
    MEMORY_BYTES,
    SOURCE,
    Exported,
    copy_proxy,
    describe,
    export_clip,
)
from heaters.media.ffmpeg import Span
from heaters.media.likeness import Pictures
from heaters.media.probe import probe_once
from heaters.media.splice.asking import Asked, Asker, Clip, Left
from heaters.media.splice.copying import copy_out
from heaters.media.splice.rules import NotCopied
from heaters.media.target import USUAL, Target

MOST_RULE = 200  # characters of it and its evidence
Export = Callable[..., Exported]

# Raise a version when a change makes other bytes: it is part of the file's key.
_ENCODED = {**asdict(SOURCE), "version": 4}
_COPIED = {"join": 2, "encoded": _ENCODED}
_FROM_PROXY = {"copy": True, "version": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How clips are exported. `settings` are what the bytes depend on, for the key."""

    from_proxy: bool
    settings: Mapping[str, object]
    export: Export
    asks_ahead: bool = False  # takes what `ask_ahead` gave


def profile(name: str, target: Target = USUAL) -> Profile:
    """The profile of that name; `target` counts for `encode` alone. Raises KeyError for another name."""
    changed = {"target": asdict(target)} if target != USUAL else {}
    return {
        "copy": Profile(from_proxy=False, settings=_COPIED, export=copy_master, asks_ahead=True),
        "encode": Profile(
            from_proxy=False, settings={**_ENCODED, **changed}, export=partial(export_clip, target=target)
        ),
        "proxy": Profile(from_proxy=True, settings=_FROM_PROXY, export=copy_proxy),
    }[name]


def ask_ahead(
    source: Path, clips: Sequence[Clip], *, has_audio: bool, threads: int, timeout_seconds: float
) -> list[Asked]:
    """Have one child cut several clips out of a master, for `copy_master` to verify.

    Raises as `export_clip`; each clip can still be copied by itself then.
    """
    return _asker(source, has_audio, threads, MEMORY_BYTES).ask(clips, _left(timeout_seconds))


def copy_master(
    source: Path,
    out: Path,
    *,
    start_pts: int,
    end_pts: int,
    time_base: Fraction,
    frame_count: int,
    has_audio: bool,
    threads: int,
    timeout_seconds: float,
    pictures: Pictures,
    memory_bytes: int = MEMORY_BYTES,
    shapes: Shapes | None = None,
    asked: Asked | None = None,
) -> Exported:
    """Profile `copy`: packets of the master where they can be copied, else the whole clip as `encode` writes it.

    The result says how many frames were copied, and by which rule none was. `asked`: of `ask_ahead`, for this very
    clip. Raises as `export_clip`.
    """
    left = _left(timeout_seconds)
    span = Span(start_pts=start_pts, end_pts=end_pts, time_base=time_base, frames=frame_count)
    asker = _asker(source, has_audio, threads, memory_bytes)
    try:
        made = copy_out(asker, Clip(out=out, span=span, shapes=shapes), pictures, left, asked)
    except NotCopied as refusal:
        encoded = export_clip(
            source,
            out,
            start_pts=start_pts,
            end_pts=end_pts,
            time_base=time_base,
            frame_count=frame_count,
            has_audio=has_audio,
            threads=threads,
            timeout_seconds=left(),
            pictures=pictures,
            memory_bytes=memory_bytes,
            shapes=shapes,
        )
        return replace(encoded, rule=_short(str(refusal)))
    found = describe(out, "indexed", made.track, rotation=asker.probe.rotation)
    return replace(found, copied=made.frames, rule=_short(made.rule))


def _asker(source: Path, has_audio: bool, threads: int, memory_bytes: int) -> Asker:
    facts = probe_once(source)
    return Asker(
        source=source,
        probe=facts,
        has_audio=has_audio and facts.has_audio,
        audio_bitrate=SOURCE.audio_bitrate,
        threads=threads,
        memory_bytes=memory_bytes,
    )


def _left(timeout_seconds: float) -> Left:
    """Tells how much of a time is left."""
    deadline = time.monotonic() + timeout_seconds
    return lambda: max(deadline - time.monotonic(), 0.001)


def _short(rule: str) -> str:
    return rule.partition("\n")[0][:MOST_RULE]
