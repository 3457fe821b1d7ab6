"""Stages whose work is to wait: what an item's key says. Where and when each ran is in its result.

The object key that the item names is JSON: {"seconds": how long it takes}.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ray

from heaters.settings import Settings
from heaters.stages.base import Context, StageResult, Transaction


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
        del settings

    def __call__(self, items: Sequence[Any], context: Context) -> list[Waited]:
        del context
        begun = time.time()
        node = ray.get_runtime_context().get_node_id()
        seconds = [json.loads(getattr(item, "source_key", None) or item.analysis_key)["seconds"] for item in items]
        time.sleep(sum(seconds))
        ended = time.time()
        return [Waited(seconds=s, node=node, process=os.getpid(), begun=begun, ended=ended) for s in seconds]


def record(tx: Transaction, item: Any, result: StageResult) -> None:
    """Nothing but the run itself."""
    del tx, item, result
