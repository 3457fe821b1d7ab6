"""Stages for `scale.py` that wait as long as recorded ones worked, and write rows as these do. Workers import it, so it
knows neither torch nor ffmpeg.

`benchmarks.scale_stages.detect` and so on are made here: importing this module is enough for all of them to be there.
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType, SimpleNamespace
from typing import Any

from heaters.settings import Settings
from heaters.stages.base import Context, StageCode, StageResult, Transaction

# Seconds for one item, out of a run of the sample reel on two cores (RESULTS.md, Pipeline): a video of 1,330 frames, a
# clip of 83; the time of a call is that of its items.
SECONDS = {
    "download": 0.4, "prepare": 14.8, "detect": 22.8, "keyframes": 0.11, "facts": 0.08, "embed": 0.18, "export": 3.2,
}  # fmt: skip
OF_VIDEOS = ("download", "prepare", "detect")
OF_CLIPS = tuple(name for name in SECONDS if name not in OF_VIDEOS)
FRAMES = 4000  # one stretch
# All of it goes faster by this; both are set before Ray starts its workers.
SPEED = float(os.environ.get("SCALE_SPEED", "1"))
CLIPS = int(os.environ.get("SCALE_CLIPS", "50"))

__path__: list[str] = []  # a package, as far as importlib is concerned


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited(StageResult):
    """Nothing but its time."""


def seconds_of(stage: str, number: int) -> float:
    """Half to one and a half times the recorded mean, always the same for an item."""
    spread = int(hashlib.sha256(f"{stage} {number}".encode()).hexdigest()[:8], 16) / 2**32
    return SECONDS[stage] * (0.5 + spread) / SPEED


class Worker:
    """Waits for its items, one after the other."""

    stage = ""

    def __init__(self, settings: Settings) -> None:
        del settings

    def __call__(self, items: Sequence[Any], context: Context) -> list[Waited]:
        del context
        took = [seconds_of(self.stage, item.id) for item in items]
        time.sleep(sum(took))
        return [Waited(seconds=seconds) for seconds in took]


Pairs = Sequence[tuple[Any, StageResult]]


def _nothing(tx: Transaction, variant: int, done: Pairs) -> None:
    del tx, variant, done


def _prepared(tx: Transaction, variant: int, done: Pairs) -> None:
    from heaters.store.queries import query

    del variant
    for item, _ in done:
        facts = {
            "id": item.id, "sample_key": "s", "proxy_key": "p", "is_playable": False,
            "analysis_key": "a", "pts_key": "t", "frame_count": FRAMES,
            "duration_seconds": FRAMES / 25, "time_base_num": 1, "time_base_den": 25, "is_vfr": False,
            "is_partial": False, "partial_reason": "", "concealed": 0, "has_audio": False, "shapes": "[]",
        }  # fmt: skip
        tx.execute(query("record_prepare"), facts)


def _detected(tx: Transaction, variant: int, done: Pairs) -> None:
    from psycopg.types.json import Jsonb

    from heaters.store.queries import query

    del variant
    bounds = [FRAMES * n // CLIPS for n in range(CLIPS + 1)]
    cuts = [{"frame": f, "pts": f, "kind": "hard", "confidence": 0.9, "metadata": {}} for f in bounds[1:-1]]
    clips = [{"start_frame": a, "end_frame": b, "start_pts": a, "end_pts": b} for a, b in pairwise(bounds)]
    for item, _ in done:
        tx.execute(query("record_cuts"), {"id": item.id, "cuts": Jsonb(cuts), "created_by": "scale"})
        tx.execute(query("record_clips"), {"id": item.id, "clips": Jsonb(clips)})


def _stilled(tx: Transaction, variant: int, done: Pairs) -> None:
    from heaters.core.stills import StillOrigin
    from heaters.stages.keyframes import KeyframeResult, Still, record

    still = Still(frame=0, sha256="ab" * 32, size_bytes=60_000)
    result = KeyframeResult(strategy="multi", origin=StillOrigin.SAMPLE, images=3, stills=(still,) * 3, seconds=0.1)
    record(tx, variant, [(item, result) for item, _ in done])


def _measured(tx: Transaction, variant: int, done: Pairs) -> None:
    from heaters.stages.facts import FactsResult, record

    names = (
        "motion", "brightness", "black_share", "frozen_share", "letterbox", "sharpness", "loudness_dbfs",
        "silence_share",
    )  # fmt: skip
    result = FactsResult(facts=dict.fromkeys(names, 0.5), seconds=0.1)
    record(tx, variant, [(item, result) for item, _ in done])


def _embedded(tx: Transaction, variant: int, done: Pairs) -> None:
    import numpy as np

    from heaters.store.vectors import Row, SpaceRow, space_number, write_vectors

    space = SpaceRow(asked=variant, model="scale@1", name="scale", strategy="multi_average", dimension=512)
    number = space_number(tx, space)
    vector = np.full(512, 512**-0.5, np.float32)
    write_vectors(tx, [Row(clip_id=item.id, variant=number, vector=vector, images=3) for item, _ in done])


def _exported(tx: Transaction, variant: int, done: Pairs) -> None:
    from heaters.store.queries import query

    count = len(done)
    given = {
        "variant": variant, "clip_ids": [item.id for item, _ in done], "params": ["25efbe1c2c"] * count,
        "sha256": [b"\1" * 32] * count, "size_bytes": [1_000_000] * count, "frames": [80] * count,
        "widths": [1280] * count, "heights": [720] * count, "copied": [80] * count, "rules": [""] * count,
    }  # fmt: skip
    tx.execute(query("record_exports"), given)


RECORD: dict[str, Callable[[Transaction, int, Pairs], None]] = {
    "prepare": _prepared,
    "detect": _detected,
    "keyframes": _stilled,
    "facts": _measured,
    "embed": _embedded,
    "export": _exported,
}

for _name in SECONDS:
    _module = ModuleType(f"{__name__}.{_name}")
    _worker = type("Worker", (Worker,), {"stage": _name})
    _code = StageCode(input=SimpleNamespace, worker=_worker, record=RECORD.get(_name, _nothing))
    _module.STAGE = _code  # type: ignore[attr-defined]
    sys.modules[_module.__name__] = _module
