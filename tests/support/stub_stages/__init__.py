"""Stages whose work is to wait: what an item's key says. Where and when each ran is in its result.

The object key that the item names is JSON: {"seconds": how long it takes}. With "eats_bytes" it takes so much memory
first, and with "once", the name of a file, only if that file is not there yet. With "marks", the name of a folder, it
leaves a file there named as its node when it begins. With "kills" it kills its process. On a node whose id is the name
of a file in the folder "unfit" of HEATERS_HOME, no worker can be built.
"""

import json
import mmap
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from heaters.errors import ConfigError
from heaters.settings import Settings
from heaters.stages.base import Context, StageResult, Transaction

BITE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited(StageResult):
    """Where it ran."""

    node: str
    process: int
    begun: float
    ended: float


class Waiter:
    """Takes as long as its items say, one after the other."""

    def __init__(self, settings: Settings) -> None:
        if (settings.home / "unfit" / ray.get_runtime_context().get_node_id()).exists():
            raise ConfigError("a setting is wrong on this node")

    def __call__(self, items: Sequence[Any], context: Context) -> list[Waited]:
        del context
        begun = time.time()
        node = ray.get_runtime_context().get_node_id()
        asked = [json.loads(getattr(item, "source_key", None) or item.analysis_key) for item in items]
        for item in asked:
            if "marks" in item:
                Path(item["marks"], node).touch()
            if item.get("kills"):
                os.kill(os.getpid(), signal.SIGKILL)
            _eat(item)
        seconds = [item["seconds"] for item in asked]
        time.sleep(sum(seconds))
        ended = time.time()
        return [Waited(seconds=s, node=node, process=os.getpid(), begun=begun, ended=ended) for s in seconds]


def _eat(item: dict[str, Any]) -> None:
    mark = Path(item["once"]) if "once" in item else None
    if mark and mark.exists():
        return
    if mark:
        mark.touch()
    eaten = []
    for _ in range(item.get("eats_bytes", 0) // BITE_BYTES):
        bite = mmap.mmap(-1, BITE_BYTES, flags=mmap.MAP_PRIVATE)
        # Huge pages are free when their process has gone. Small ones stay on lists of the CPUs (since Linux 6.7), up to
        # an eighth of the memory and for minutes; Ray sees a full node in these, and ends whoever comes next.
        bite.madvise(mmap.MADV_HUGEPAGE)
        bite[:: mmap.PAGESIZE] = bytes(BITE_BYTES // mmap.PAGESIZE)
        eaten.append(bite)
        time.sleep(0.02)  # Ray looks every tenth of a second


def record(tx: Transaction, variant: int, done: Sequence[tuple[Any, StageResult]]) -> None:
    """Nothing but the run itself."""
    del tx, variant, done
