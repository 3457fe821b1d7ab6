"""Ray's side of the runner: one pool per stage, of plain tasks or of resident actors. Knows no stage by name."""

import importlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError, TaskCancelledError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from heaters.core.pipeline import POOL_LABEL, SERVE_POOL, Stage
from heaters.errors import HeatersError, StageError, StageTimeout, WorkerLost
from heaters.runner.cluster import Cluster
from heaters.settings import Settings
from heaters.stages.base import Context, UnexpectedError, portable

# Two calls per actor hide the round trip to the driver behind the work of the other one.
CALLS_PER_ACTOR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back from a call: one outcome per item, and where it ran."""

    outcomes: list[Any]
    node: str


def stage_module(stage: Stage) -> ModuleType:
    """The module that implements a pipeline row."""
    return importlib.import_module(f"heaters.stages.{stage.name}")


_built: dict[tuple[str, Settings], Any] = {}  # per worker process: built once, used for every call


def _call(name: str, settings: Settings, items: Sequence[Any], context: Context) -> Reply:
    if (name, settings) not in _built:
        _built[name, settings] = importlib.import_module(f"heaters.stages.{name}").Worker(settings)
    outcomes = _built[name, settings](items, context)
    return Reply(outcomes=outcomes, node=ray.get_runtime_context().get_node_id())


class _Resident:
    """A process that keeps its stage's model. It is built in the first call, whose error then names the cause."""

    def call(self, name: str, settings: Settings, items: Sequence[Any], context: Context) -> Reply:
        return _call(name, settings, items, context)


class Pool:
    """One stage's calls. Resident stages get actors, started when there is work, let go when idle and in the way."""

    def __init__(self, stage: Stage, settings: Settings, cluster: Cluster) -> None:
        self.stage = stage
        self._settings_ref = ray.put(settings)
        gpus = stage.gpus if cluster.gpus > 0 else 0.0
        self._options: dict[str, Any] = {
            "num_cpus": min(stage.cpus, cluster.node_cpus),
            "num_gpus": gpus,
            "memory": min(stage.memory_bytes, int(cluster.memory_bytes * 0.9)),
            "label_selector": {POOL_LABEL: f"!{SERVE_POOL}"},
        }
        slots = cluster.gpus / gpus if gpus else cluster.cpus / self._options["num_cpus"]
        if stage.resident and not gpus:
            slots = max(1.0, slots / 2)  # each holds a whole model in memory, and uses threads
        self._slots = max(1, int(slots))
        self._spread = cluster.nodes > 1
        self._task = ray.remote(max_retries=0)(_call)
        self._actors: dict[int, Any] = {}
        self._load: Counter[int] = Counter()
        self._owner: dict[Any, int] = {}
        self._next = 0
        self.idle_since = time.monotonic()

    def free(self) -> int:
        """How many more calls may be in flight."""
        return self._slots * (CALLS_PER_ACTOR if self.stage.resident else 1) - len(self._owner)

    @property
    def is_idle(self) -> bool:
        """Whether it keeps processes that have nothing to do."""
        return bool(self._actors) and not self._owner

    def submit(self, items: Sequence[Any], context: Context, node: str | None) -> Any:
        """Start a call, preferably on `node`; returns its ObjectRef."""
        arguments = (self.stage.name, self._settings_ref, list(items), context)
        if self.stage.resident:
            index = self._actor()
            ref = self._actors[index].call.remote(*arguments)
        else:
            index = -1
            options = dict(self._options)
            if node and self._spread:
                options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(
                    node, soft=True, _spill_on_unavailable=True
                )
            ref = self._task.options(**options).remote(*arguments)
        self._owner[ref] = index
        self._load[index] += 1
        return ref

    def _actor(self) -> int:
        """The least loaded actor, or a new one when all are busy and there is room."""
        quiet = min(self._actors, key=lambda i: self._load[i], default=None)
        if quiet is not None and (self._load[quiet] == 0 or len(self._actors) >= self._slots):
            return quiet
        self._next += 1
        handle = ray.remote(_Resident).options(**self._options, max_restarts=0, max_task_retries=0).remote()
        self._actors[self._next] = handle
        return self._next

    def collect(self, ref: Any) -> Reply | HeatersError:
        """The reply of a finished call, or the error that stands for all its items."""
        index = self._owner.pop(ref)
        self._load[index] -= 1
        self.idle_since = time.monotonic()
        try:
            reply: Reply = ray.get(ref)
            return reply
        except RayTaskError as error:
            return _cause(error)
        except TaskCancelledError:
            return WorkerLost("the call was cancelled")
        except RayError as error:
            self._actors.pop(index, None)
            return WorkerLost(f"the process that worked on it died ({type(error).__name__}: {_first_line(error)})")

    def cancel(self, ref: Any) -> StageTimeout:
        """End a call by force, with its process; the error says why."""
        index = self._owner.pop(ref)
        self._load[index] -= 1
        if self.stage.resident:
            ray.kill(self._actors.pop(index))
        else:
            ray.cancel(ref, force=True)
        return StageTimeout(f"stage {self.stage.name} took longer than its {self.stage.timeout_seconds} s")

    def let_go(self) -> None:
        """End idle actors, so that other stages get their CPUs."""
        for index in [i for i in self._actors if self._load[i] == 0]:
            ray.kill(self._actors.pop(index))


def _cause(error: RayTaskError) -> HeatersError:
    cause = error.cause if isinstance(error.cause, BaseException) else error
    if isinstance(cause, StageError):
        return portable(cause)
    if isinstance(cause, HeatersError):
        return cause
    return UnexpectedError(f"{type(cause).__name__}: {_first_line(cause)}")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "")
