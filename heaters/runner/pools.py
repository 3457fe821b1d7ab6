"""Ray's side of the runner: one pool per stage, of plain tasks or of resident actors. Knows no stage by name.

A call is a generator: it says first that a worker has begun, and where, then what came of it. So limits of time run
from the moment of work, however long Ray kept the call waiting for a CPU.
"""

import time
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, RayTaskError, TaskCancelledError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from heaters.core.pipeline import POOL_LABEL, SERVE_POOL, Stage, Subject
from heaters.errors import HeatersError, NodeFull, NodeLost, StageError, StageTimeout, WorkerLost
from heaters.runner.cluster import Cluster
from heaters.runner.words import Begun, Reply, Unfit
from heaters.settings import Settings
from heaters.stages.base import Context, UnexpectedError, portable, stage_code
from heaters.threads import be_frugal

# A second call at an actor hides the round trip to the driver behind the work of the first. Clips are short; a video
# may take hours, and what waits behind it would wait as long while other actors are free.
CALLS_PER_ACTOR = {Subject.CLIP: 2, Subject.VIDEO: 1}
NODE_LABEL = "ray.io/node-id"


_built: dict[tuple[str, str, Settings], Any] = {}  # per worker process: built once, used for every call


def _call(stage: str, package: str, settings: Settings, items: Sequence[Any], context: Context) -> Any:
    node = ray.get_runtime_context().get_node_id()
    yield Begun(node=node)
    try:
        if (package, stage, settings) not in _built:
            be_frugal()  # also on nodes that were started without our environment
            _built[package, stage, settings] = stage_code(stage, package).worker(settings)
        yield Reply(outcomes=_built[package, stage, settings](items, context))
    except StageError:
        raise
    except HeatersError as error:
        yield Unfit(node=node, error=type(error)(str(error)))


class _Resident:
    """A process that keeps its stage's model. It is built in the first call, whose error then names the cause."""

    def call(self, stage: str, package: str, settings: Settings, items: Sequence[Any], context: Context) -> Any:
        yield from _call(stage, package, settings, items, context)


class Pool:
    """One stage's calls. Resident stages get actors, started when there is work, let go when idle and in the way."""

    def __init__(self, stage: Stage, settings: Settings, cluster: Cluster, package: str) -> None:
        """`package` has the modules that implement stages."""
        self.stage = stage
        self._package = package
        self._settings_ref = ray.put(settings)
        self._task = ray.remote(max_retries=0, num_returns="streaming")(_call)
        self._actors: dict[int, Any] = {}
        self._at: dict[int, str] = {}  # actor → its node, known from its first word on
        self._load: Counter[int] = Counter()
        self._alone: set[int] = set()  # actors whose call must have no other behind it
        self._owner: dict[Any, int] = {}
        self._next = 0
        self.unfit: set[str] = set()  # nodes where a worker could not be built
        self.others: Sequence[Pool] = ()  # the driver's pools, which may hand an idle process over
        self.startable = 0.0  # actors that may be started now
        self.idle_since = time.monotonic()
        self.resize(cluster)

    def resize(self, cluster: Cluster) -> None:
        """Use what the cluster has now; calls that are there already stay as they are."""
        stage = self.stage
        gpus = stage.gpus if cluster.has_gpus else 0.0
        self.cpus_per_call = cpus = min(stage.cpus, cluster.node_cpus)
        self._options: dict[str, Any] = {
            "num_cpus": cpus,
            "num_gpus": gpus,
            "memory": int(min(stage.memory_bytes, cluster.memory_bytes * 0.9)),
        }
        self._tasks: dict[Any, Any] = {}  # node to be near, nodes to avoid → the task with these options
        slots = cluster.gpus / gpus if gpus else cluster.cpus / cpus
        if stage.resident and not gpus:
            slots = max(1.0, slots / 2)  # each holds a whole model in memory, and uses threads
        self.slots = max(1, int(slots)) * cluster.ahead
        self._spread = cluster.nodes > 1

    def allot(self, slots: int) -> None:
        """Keep to so many calls at once, until the next `resize`: others want the same GPUs."""
        self.slots = min(self.slots, slots)

    @property
    def calls(self) -> int:
        """How many are in flight."""
        return len(self._owner)

    @property
    def processes(self) -> int:
        """How many have a CPU, or wait for one."""
        return len(self._actors) if self.stage.resident else len(self._owner)

    @property
    def is_loaded(self) -> bool:
        """Whether a call needs no process to be started and no library to be loaded first."""
        return not self.stage.resident or bool(self._actors) or self._lender(None) is not None

    @property
    def is_kept_waiting(self) -> bool:
        """Whether an actor with a call has never said anything: it loads its model, or waits for resources."""
        return any(self._load[index] > 0 and index not in self._at for index in self._actors)

    @property
    def is_idle(self) -> bool:
        """Whether it keeps processes that have nothing to do."""
        return bool(self._actors) and not self._owner

    def free(self, more: float) -> int:
        """How many more calls may be in flight, with CPUs for so many more processes."""
        if not self.stage.resident:
            return int(min(self.slots - len(self._owner), more))
        if self._lender(None) is not None:
            more = max(more, 1)  # one that is handed over is no process more
        self.startable = max(0, min(self.slots - len(self._actors), more))
        quiet = len(self._actors) - len(self._alone)
        return int((quiet + self.startable) * CALLS_PER_ACTOR[self.stage.subject] - self._shared_calls())

    def _shared_calls(self) -> int:
        return sum(load for index, load in self._load.items() if index in self._actors and index not in self._alone)

    def submit(self, items: Sequence[Any], context: Context, node: str | None, *, is_alone: bool = False) -> Any:
        """Start a call, best on `node`; returns what to wait for. `is_alone`: no other call shares its process."""
        arguments = (self.stage.name, self._package, self._settings_ref, list(items), context)
        near = node if self._spread and node not in self.unfit else None
        if self.stage.resident:
            index = self._actor(near, is_alone=is_alone)
            call = self._actors[index].call.options(num_returns="streaming").remote(*arguments)
        else:
            index = -1
            key = (near, frozenset(self.unfit))
            if key not in self._tasks:  # Ray checks options each time that they are given
                self._tasks[key] = self._task.options(**self._options, **_where(near, self.unfit))
            call = self._tasks[key].remote(*arguments)
        self._owner[call] = index
        self._load[index] += 1
        return call

    def _actor(self, near: str | None, *, is_alone: bool) -> int:
        """An idle actor, best on that node; a new one when all are busy and there is room; else the least loaded."""
        shared = [i for i in self._actors if i not in self._alone]
        quiet = min(shared, key=lambda i: (self._load[i], self._at.get(i) != near), default=None)
        if quiet is None or (self._load[quiet] > 0 and (is_alone or self.startable >= 1)):
            self.startable -= 1
            self._next += 1
            quiet = self._next
            if (lender := self._lender(near)) is not None:
                self._actors[quiet], self._at[quiet] = lender.hand_over()
            else:
                options = {**self._options, **_where(near, self.unfit), "max_restarts": 0, "max_task_retries": 0}
                self._actors[quiet] = ray.remote(_Resident).options(**options).remote()
        if is_alone:
            self._alone.add(quiet)
        return quiet

    def _lender(self, near: str | None) -> "Pool | None":
        """Another stage's pool with an idle process that may become ours: it has its CPU, and torch is loaded. Not on
        GPUs, where the models of several stages in one process would hold memory that others count on.
        """
        for pool in self.others if not self._options["num_gpus"] else ():
            places = {pool._at.get(index) for index in pool._actors}
            is_alike = pool is not self and pool._options == self._options and pool.is_idle
            is_fit = None not in places and not places & self.unfit
            if is_alike and is_fit and (near is None or places == {near}):
                return pool
        return None

    def hand_over(self) -> tuple[Any, str]:
        """An idle process and its node, for another pool: this one forgets it."""
        index = next(iter(self._actors))
        node = self._at[index]
        return self._forget(index), node

    def next(self, call: Any) -> Begun | Reply | Unfit | HeatersError:
        """The next word of a call that has one: that it began, or how it ended; after any but `Begun` it is over."""
        index = self._owner[call]
        try:
            word: Begun | Reply | Unfit = ray.get(next(call))
            if isinstance(word, Begun):
                if index in self._actors:
                    self._at[index] = word.node
                return word
            if isinstance(word, Unfit):
                self.unfit.add(word.node)
                if actor := self._forget(index):
                    ray.kill(actor)
            end: Reply | Unfit | HeatersError = word
        except StopIteration:
            end = WorkerLost("the call ended without a result")
        except RayTaskError as error:
            end = _cause(error)
        except TaskCancelledError:
            end = WorkerLost("the call was cancelled")
        except RayError as error:
            self._forget(index)
            end = _death(error)
        self._over(call, index)
        return end

    def cancel(self, call: Any) -> StageTimeout:
        """End a call by force, with its process; the error says why."""
        index = self._owner[call]
        if self.stage.resident:
            if actor := self._forget(index):
                ray.kill(actor)
        else:
            ray.cancel(call, force=True)
        self._over(call, index)
        return StageTimeout(f"stage {self.stage.name} took longer than its {self.stage.timeout_seconds} s")

    def _over(self, call: Any, index: int) -> None:
        del self._owner[call]
        self._load[index] -= 1
        if self._load[index] <= 0:
            self._alone.discard(index)
            del self._load[index]
        self.idle_since = time.monotonic()

    def let_go(self, keep: int = 0) -> None:
        """End idle actors but for `keep` in all, so that other stages get what they hold."""
        idle = [i for i in self._actors if self._load[i] == 0]
        for index in idle[: max(0, len(self._actors) - keep)]:
            if actor := self._forget(index):
                ray.kill(actor)

    def shrink(self) -> None:
        """End idle actors that are more than there is room for."""
        self.let_go(keep=self.slots)

    def _forget(self, index: int) -> Any | None:
        """Take an actor out of the pool; None where an earlier call of it has done so."""
        self._at.pop(index, None)
        self._alone.discard(index)
        return self._actors.pop(index, None)


def _where(near: str | None, unfit: Collection[str]) -> dict[str, Any]:
    """Options of place: never the endpoint's nodes nor unfit ones; best near a node, but any other does as well."""
    labels = {POOL_LABEL: f"!{SERVE_POOL}"}
    if unfit:
        labels[NODE_LABEL] = f"!in({','.join(sorted(unfit))})"
    options: dict[str, Any] = {"label_selector": labels}
    if near is not None and not unfit:
        options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(near, soft=True, _spill_on_unavailable=True)
    return options


def _death(error: RayError) -> StageError:
    """How a process died that had a call."""
    if isinstance(error, NodeDiedError) or "its node has died" in str(error):
        return NodeLost("the node that it was on died")
    if isinstance(error, OutOfMemoryError):
        return NodeFull(f"its node ran out of memory, and Ray ended its process: {_first_line(error)}")
    return WorkerLost(f"the process that worked on it died ({type(error).__name__}: {_first_line(error)})")


def _cause(error: RayTaskError) -> HeatersError:
    cause = error.cause if isinstance(error.cause, BaseException) else error
    if isinstance(cause, StageError):
        return portable(cause)
    if isinstance(cause, HeatersError):
        return cause
    return UnexpectedError(f"{type(cause).__name__}: {_first_line(cause)}")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "")
