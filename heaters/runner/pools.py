"""Ray's side of the runner: one pool per stage, of plain tasks or of resident actors. Knows no stage by name."""

import importlib
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, RayTaskError, TaskCancelledError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from heaters.core.pipeline import POOL_LABEL, SERVE_POOL, Stage, Subject
from heaters.errors import HeatersError, NodeFull, NodeLost, StageError, StageTimeout, WorkerLost
from heaters.runner.cluster import Cluster
from heaters.settings import Settings
from heaters.stages.base import Context, UnexpectedError, portable

# A second call at an actor hides the round trip to the driver behind the work of the first. Clips are short; a video
# may take hours, and what waits behind it would wait as long while other actors are free.
CALLS_PER_ACTOR = {Subject.CLIP: 2, Subject.VIDEO: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back from a call: one outcome per item, and where it ran."""

    outcomes: list[Any]
    node: str


def stage_module(stage: Stage, package: str) -> ModuleType:
    """The module of `package` that implements a pipeline row."""
    return importlib.import_module(f"{package}.{stage.name}")


_built: dict[tuple[str, Settings], Any] = {}  # per worker process: built once, used for every call


def _call(module: str, settings: Settings, items: Sequence[Any], context: Context) -> Reply:
    if (module, settings) not in _built:
        _built[module, settings] = importlib.import_module(module).Worker(settings)
    outcomes = _built[module, settings](items, context)
    return Reply(outcomes=outcomes, node=ray.get_runtime_context().get_node_id())


class _Resident:
    """A process that keeps its stage's model. It is built in the first call, whose error then names the cause."""

    def call(self, module: str, settings: Settings, items: Sequence[Any], context: Context) -> Reply:
        return _call(module, settings, items, context)


class Pool:
    """One stage's calls. Resident stages get actors, started when there is work, let go when idle and in the way."""

    def __init__(self, stage: Stage, settings: Settings, cluster: Cluster, module: str) -> None:
        """`module` is the name of the one that implements the stage."""
        self.stage = stage
        self._module = module
        self._settings_ref = ray.put(settings)
        self._task = ray.remote(max_retries=0)(_call)
        self._actors: dict[int, Any] = {}
        self._at: dict[int, str] = {}  # actor → its node, known from its first reply on
        self._load: Counter[int] = Counter()
        self._owner: dict[Any, int] = {}
        self._next = 0
        self._startable = 0.0  # actors, since `free` was asked
        self.idle_since = time.monotonic()
        self.resize(cluster)

    def resize(self, cluster: Cluster) -> None:
        """Use what the cluster has now; calls that are there already stay as they are."""
        stage = self.stage
        gpus = stage.gpus if cluster.has_gpus else 0.0
        self._cpus = cpus = min(stage.cpus, cluster.node_cpus)
        self._options: dict[str, Any] = {
            "num_cpus": cpus,
            "num_gpus": gpus,
            "memory": int(min(stage.memory_bytes, cluster.memory_bytes * 0.9)),
            "label_selector": {POOL_LABEL: f"!{SERVE_POOL}"},
        }
        self._tasks: dict[str | None, Any] = {}  # node to be near → the task with these options
        slots = cluster.gpus / gpus if gpus else cluster.cpus / cpus
        if stage.resident and not gpus:
            slots = max(1.0, slots / 2)  # each holds a whole model in memory, and uses threads
        self._slots = max(1, int(slots)) * cluster.ahead
        self._spread = cluster.nodes > 1

    def allot(self, slots: int) -> None:
        """Keep to so many calls at once, until the next `resize`: others want the same GPUs."""
        self._slots = min(self._slots, slots)

    @property
    def calls(self) -> int:
        """How many are in flight."""
        return len(self._owner)

    @property
    def is_kept_waiting(self) -> bool:
        """Whether a process of it that has work has not answered yet: it loads its model, or waits for room."""
        return any(self._load[index] > 0 and index not in self._at for index in self._actors)

    @property
    def cpus(self) -> float:
        """How many its calls and models have, or wait for."""
        return self._cpus * (len(self._actors) if self.stage.resident else len(self._owner))

    def free(self, cpus: float = math.inf) -> int:
        """How many more calls may be in flight, with so many CPUs more; 0 or less: none."""
        more = cpus // self._cpus
        if not self.stage.resident:
            return int(min(self._slots - len(self._owner), more))
        self._startable = max(0, min(self._slots - len(self._actors), more))
        return int((len(self._actors) + self._startable) * CALLS_PER_ACTOR[self.stage.subject] - len(self._owner))

    @property
    def is_idle(self) -> bool:
        """Whether it keeps processes that have nothing to do."""
        return bool(self._actors) and not self._owner

    def submit(self, items: Sequence[Any], context: Context, node: str | None) -> Any:
        """Start a call, preferably on `node`; returns its ObjectRef."""
        arguments = (self._module, self._settings_ref, list(items), context)
        near = node if self._spread else None
        if self.stage.resident:
            index = self._actor(near)
            ref = self._actors[index].call.remote(*arguments)
        else:
            index = -1
            if near not in self._tasks:  # Ray checks options each time that they are given
                self._tasks[near] = self._task.options(**self._options, **_near(near))
            ref = self._tasks[near].remote(*arguments)
        self._owner[ref] = index
        self._load[index] += 1
        return ref

    def _actor(self, near: str | None) -> int:
        """An idle actor, best on that node; a new one when all are busy and there is room; else the least loaded."""
        quiet = min(self._actors, key=lambda i: (self._load[i], self._at.get(i) != near), default=None)
        if quiet is not None and (self._load[quiet] == 0 or self._startable < 1):
            return quiet
        self._startable -= 1
        self._next += 1
        options = {**self._options, **_near(near), "max_restarts": 0, "max_task_retries": 0}
        self._actors[self._next] = ray.remote(_Resident).options(**options).remote()
        return self._next

    def collect(self, ref: Any) -> Reply | HeatersError:
        """The reply of a finished call, or the error that stands for all its items."""
        index = self._owner.pop(ref)
        self._load[index] -= 1
        self.idle_since = time.monotonic()
        try:
            reply: Reply = ray.get(ref)
            if index in self._actors:
                self._at[index] = reply.node
            return reply
        except RayTaskError as error:
            return _cause(error)
        except TaskCancelledError:
            return WorkerLost("the call was cancelled")
        except RayError as error:
            self._forget(index)
            if isinstance(error, NodeDiedError) or "its node has died" in str(error):
                return NodeLost("the node that it was on died")
            if isinstance(error, OutOfMemoryError):
                return NodeFull(f"its node ran out of memory, and Ray ended its process: {_first_line(error)}")
            return WorkerLost(f"the process that worked on it died ({type(error).__name__}: {_first_line(error)})")

    def cancel(self, ref: Any) -> StageTimeout:
        """End a call by force, with its process; the error says why."""
        index = self._owner.pop(ref)
        self._load[index] -= 1
        if self.stage.resident:
            if actor := self._forget(index):
                ray.kill(actor)
        else:
            ray.cancel(ref, force=True)
        return StageTimeout(f"stage {self.stage.name} took longer than its {self.stage.timeout_seconds} s")

    def let_go(self, keep: int = 0) -> None:
        """End idle actors but for `keep` in all, so that other stages get what they hold."""
        idle = [i for i in self._actors if self._load[i] == 0]
        for index in idle[: max(0, len(self._actors) - keep)]:
            if actor := self._forget(index):
                ray.kill(actor)

    def shrink(self) -> None:
        """End idle actors that are more than there is room for."""
        self.let_go(keep=self._slots)

    def _forget(self, index: int) -> Any | None:
        """Take an actor out of the pool; None where an earlier call of it has done so."""
        self._at.pop(index, None)
        return self._actors.pop(index, None)


def _near(node: str | None) -> dict[str, Any]:
    """Options that prefer a node: only prefer, for when it is busy or gone another one does as well."""
    if node is None:
        return {}
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=True, _spill_on_unavailable=True)}


def _cause(error: RayTaskError) -> HeatersError:
    cause = error.cause if isinstance(error.cause, BaseException) else error
    if isinstance(cause, StageError):
        return portable(cause)
    if isinstance(cause, HeatersError):
        return cause
    return UnexpectedError(f"{type(cause).__name__}: {_first_line(cause)}")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "")
