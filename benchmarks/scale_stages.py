"""Stages for `scale.py` that wait as long as recorded ones worked, and write rows as these do. Workers import it, so it
knows neither torch nor ffmpeg.

`benchmarks.scale_stages.detect` and so on are made here: importing this module is enough for all of them to be there.
"""

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType, SimpleNamespace
from typing import Any

from heaters.settings import Settings
from heaters.stages.base import Context, StageResult, Transaction

# Seconds for one item, out of a run of the sample reel on two cores (RESULTS.md, Pipeline): a video of 1,330 frames, a
# clip of 83; the time of a call is that of its items.
SECONDS = {
    "download": 0.4, "prepare": 14.8, "detect": 22.8, "export": 3.2, "keyframes": 0.11, "facts": 0.08, "embed": 0.18,
}  # fmt: skip
OF_VIDEOS = ("download", "prepare", "detect")
OF_CLIPS = tuple(name for name in SECONDS if name not in OF_VIDEOS)
FRAMES = 1330
# All of it goes faster by this; both are set before Ray starts its workers.
SPEED = float(os.environ.get("SCALE_SPEED", "1"))
CLIPS = int(os.environ.get("SCALE_CLIPS", "16"))

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


def _nothing(tx: Transaction, item: Any, result: StageResult) -> None:
    del tx, item, result


def _prepared(tx: Transaction, item: Any, result: StageResult) -> None:
    from heaters.store.queries import query

    del result
    facts = {
        "id": item.id, "proxy_key": "p", "analysis_key": "a", "pts_key": "t", "frame_count": FRAMES,
        "duration_seconds": FRAMES / 25, "time_base_num": 1, "time_base_den": 25, "is_vfr": False, "is_partial": False,
        "audio_dropped": "",
    }  # fmt: skip
    tx.execute(query("record_prepare"), facts)


def _detected(tx: Transaction, item: Any, result: StageResult) -> None:
    from psycopg.types.json import Jsonb

    from heaters.store.queries import query

    del result
    bounds = [FRAMES * n // CLIPS for n in range(CLIPS + 1)]
    cuts = [{"frame": f, "pts": f, "kind": "hard", "confidence": 0.9, "metadata": {}} for f in bounds[1:-1]]
    clips = [{"start_frame": a, "end_frame": b, "start_pts": a, "end_pts": b} for a, b in pairwise(bounds)]
    tx.execute(query("record_cuts"), {"id": item.id, "cuts": Jsonb(cuts), "created_by": "scale"})
    tx.execute(query("record_clips"), {"id": item.id, "clips": Jsonb(clips)})


RECORD = {"prepare": _prepared, "detect": _detected}
INPUT = {"facts": "input_keyframes", "embed": "input_keyframes"}  # their own want files, which nobody wrote here

for _name in SECONDS:
    _module = ModuleType(f"{__name__}.{_name}")
    _module.INPUT = INPUT.get(_name, f"input_{_name}")  # type: ignore[attr-defined]
    _module.Input = SimpleNamespace  # type: ignore[attr-defined]
    _module.Worker = type("Worker", (Worker,), {"stage": _name})  # type: ignore[attr-defined]
    _module.record = RECORD.get(_name, _nothing)  # type: ignore[attr-defined]
    sys.modules[_module.__name__] = _module
