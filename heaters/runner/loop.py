"""The loop: claim what is due, give it to Ray, record what comes back. docs/decisions.md explains it on a page.

Later stages go first, so that work drains. It knows no stage by name.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from heaters.core.pipeline import Change, Stage, Subject
from heaters.errors import ConfigError, HeatersError, NodeLost, StoreError, WorkerLost
from heaters.runner import control
from heaters.runner.attribution import FailureAttribution
from heaters.runner.batches import Batch
from heaters.runner.budget import Budget
from heaters.runner.calls import TICK_SECONDS, Call, Calls
from heaters.runner.cluster import Cluster, dead_nodes, is_any_silent, survey
from heaters.runner.control import Wishes
from heaters.runner.drained import SideTask
from heaters.runner.endings import Endings, as_stage_error
from heaters.runner.events import Observer
from heaters.runner.heartbeat import Heartbeat
from heaters.runner.horizon import Horizon
from heaters.runner.patience import Patience
from heaters.runner.pools import Pool
from heaters.runner.sharing import balance, make_room
from heaters.runner.starts import Starts
from heaters.runner.tasks import TaskStore
from heaters.runner.words import Reply, Unfit
from heaters.settings import Settings
from heaters.stages.base import stage_code
from heaters.stages.scratch import remove_stale_dirs

EXPIRE_SECONDS = 2.0  # between looks for silent drivers
CONTROL_SECONDS = 1.0  # between looks for what operators ask
SURVEY_SECONDS = 5.0  # between counts of the nodes
TEND_SECONDS = 60.0  # between upkeep of counts and history
# Whether a model is worth loading: clips fill a batch when so many stretches wait.
STRETCHES_PER_BATCH = 4


class Runner:
    """Runs stages until nothing is due (or for ever). Build once, call `run()` once."""

    def __init__(
        self,
        *,
        settings: Settings,
        tasks: TaskStore,
        heartbeat: Heartbeat,
        cluster: Cluster,
        stages: Sequence[Stage],
        observer: Observer,
        side_tasks: Sequence[SideTask] = (),
        forever: bool = False,
        package: str = "heaters.stages",
    ) -> None:
        """`package` has the stages' modules; benchmarks and tests have others, whose work is known."""
        self._tasks = tasks
        self._heartbeat = heartbeat
        self._observer = observer
        self._side_tasks = side_tasks
        self._forever = forever
        codes = {stage.name: stage_code(stage.name, package) for stage in stages}
        self._pools = {stage.name: Pool(stage, settings, cluster, package) for stage in stages}
        for pool in self._pools.values():
            pool.others = tuple(self._pools.values())
        self._stop = threading.Event()
        self._patiently = Patience(self._stop, observer.noticed, after=tasks.release_unknown)
        self._budget = Budget(self._pools, cluster, self._has_batch)
        self._calls = Calls(self._pools, cluster)
        self._endings = Endings(tasks, codes, self._budget, observer, self._patiently)
        self._attribution: FailureAttribution[Call] = FailureAttribution(dead_nodes, is_any_silent)
        is_open = forever or tasks.scope is not None
        self._horizon = Horizon(stages, lambda: self._patiently(tasks.last_change), is_open=is_open)
        self._starts = Starts(
            tasks=tasks,
            codes=codes,
            pools=self._pools,
            budget=self._budget,
            calls=self._calls,
            endings=self._endings,
            horizon=self._horizon,
            observer=observer,
            patiently=self._patiently,
        )
        self._wishes = Wishes()
        self._held_back: set[str] = set()  # paused stages with work
        self._done_at: dict[Callable[[], None], float] = {}  # periodic work → when it was done last
        remove_stale_dirs(settings.scratch)

    def stop(self) -> None:
        """Ask the loop to end: what runs is given back. Safe from a signal handler."""
        self._stop.set()

    def run(self) -> bool:
        """Work until nothing is left. True: done; False: stopped before that.

        While the database is away the loop waits for it; what is at Ray goes on and is recorded afterwards. Raises
        ConfigError when a stage with work can run nowhere (a model is missing), once all else is done.
        """
        try:
            while not self._stop.is_set():
                self._every(EXPIRE_SECONDS, self._expire)
                self._every(CONTROL_SECONDS, self._follow_wishes)
                self._attribute()
                self._do_side_tasks()
                started, limits = self._starts.fill()
                self._heartbeat.tell(limits)
                if self._calls:
                    self._collect()
                elif not started:
                    if not self._forever and self._is_done():
                        return True
                    self._stop.wait(TICK_SECONDS)
                make_room(tuple(self._pools.values()), self._budget.cluster)
                self._every(SURVEY_SECONDS, self._follow_cluster)
                self._every(TEND_SECONDS, self._tend)
            return False
        finally:
            self._give_back()

    # -------------------------------------------------------------------------------------------- collect

    def _collect(self) -> None:
        """Wait for calls to end, and go on with their batches."""
        moved = []
        for call, word in self._calls.ends():
            if isinstance(word, WorkerLost) and not isinstance(word, NodeLost) and not self._budget.cluster.owned:
                self._attribution.add(call, call.submitted, word)
                continue
            if isinstance(word, Reply):
                call.batch.put(call.part, word.outcomes)
            elif isinstance(word, Unfit):
                self._endings.unbuilt(call, word)
            else:
                self._endings.without_outcomes(call, as_stage_error(word))
            moved.append(call.batch)
        for call, error in self._calls.hanging():
            self._endings.without_outcomes(call, error)
            moved.append(call.batch)
        self._go_on(moved)

    def _attribute(self) -> None:
        """Calls whose process died: by now it may be known whether their node did."""
        moved = []
        for call, error in self._attribution.settled():
            self._endings.without_outcomes(call, error)
            moved.append(call.batch)
        self._go_on(moved)

    def _go_on(self, moved: Iterable[Batch]) -> None:
        """Call the next parts of batches of which a part is back, and record those that are over, each stage in one
        transaction.
        """
        over: dict[str, list[Batch]] = defaultdict(list)
        for batch in dict.fromkeys(moved):
            self._starts.go_on(batch, len(self._calls) + batch.startable)
            if batch.is_over:
                over[batch.stage.name].append(batch)
        for done in over.values():
            self._endings.done(done)

    # -------------------------------------------------------------------------------------------- the end

    def _is_done(self) -> bool:
        """Whether nothing is left up to the horizon. Looks at each stage in turn, whatever its budget says."""
        if self._attribution.calls:
            return False
        while (stage := self._horizon.next_stage) is not None:
            if stage.takes is Change.DECISION and not all(self._patiently(side.is_done) for side in self._side_tasks):
                return False
            if len(self._pools[stage.name].unfit) >= self._budget.cluster.nodes:
                if self._is_due(stage):
                    raise self._endings.unfit[stage.name]
            elif self._wishes.is_paused(stage):
                if stage.name in self._held_back or self._is_due(stage):
                    self._held_back.add(stage.name)
                    return False
            elif self._starts.start(stage, 1).claims:
                return False
            if not self._patiently(self._tasks.is_drained, stage, self._horizon.until(stage)):
                return False
            self._horizon.done(stage)
        return all(self._patiently(side.is_done) for side in self._side_tasks)

    def _is_due(self, stage: Stage) -> bool:
        """Whether there is work for a stage that may not start any."""
        claimed = self._patiently(self._tasks.claim, stage, most=1, until=self._horizon.until(stage))
        if claimed.claims:
            self._patiently(self._tasks.release, [(stage, claim) for claim in claimed.claims])
        return bool(claimed.claims)

    def _give_back(self) -> None:
        """End what is in flight by force and release it; stages are made to be cut off anywhere."""
        self._calls.cut_off()
        for pool in self._pools.values():
            pool.let_go()
        try:
            self._tasks.release()
        except HeatersError as error:  # the lease runs out, and others take it back
            self._observer.noticed(f"what was in work could not be given back: {error}")

    # -------------------------------------------------------------------------------------------- now and then

    def _every(self, seconds: float, do: Callable[[], None]) -> None:
        now = time.monotonic()
        if now - self._done_at.setdefault(do, 0.0) >= seconds:
            self._done_at[do] = now
            do()

    def _expire(self) -> None:
        lost = self._patiently(self._tasks.expire)
        if lost:
            self._observer.noticed(f"took back {lost} item{'s'[: lost != 1]} of drivers that fell silent")

    def _follow_wishes(self) -> None:
        wishes = self._patiently(control.read, self._tasks.database, self._tasks.scope)
        if wishes.migration:
            raise ConfigError(
                f"the database was changed to a later version of Heaters ({wishes.migration}): this driver ends and "
                "gives back what it had in work; upgrade Heaters here and start it again"
            )
        for line in wishes.lines(self._wishes):
            self._observer.noticed(line)
        if wishes != self._wishes:
            self._wishes = wishes
            self._held_back.clear()
            self._starts.follow(wishes)

    def _do_side_tasks(self) -> None:
        for side in self._side_tasks:
            try:
                change = self._patiently(side.look)
            except StoreError as error:  # stages go on without it, and the next look tries again
                self._observer.noticed(f"{type(side).__name__}: {error}")
                continue
            if change is not None:
                self._budget.happened(change)

    def _follow_cluster(self) -> None:
        """Nodes come and go: the pools follow."""
        self._attribution.look()
        found = survey(owned=self._budget.cluster.owned)
        pools = tuple(self._pools.values())
        if found != self._budget.cluster:
            self._observer.noticed(f"the cluster has {found.nodes} nodes, {found.cpus:g} CPUs, {found.gpus:g} GPUs now")
            self._budget.cluster = self._calls.cluster = found
            for pool in pools:
                pool.unfit.clear()
                pool.resize(found)
        balance(pools, found, lambda stage, most: self._patiently(self._tasks.count_next, stage, most))

    def _tend(self) -> None:
        self._patiently(self._tasks.tend)

    def _has_batch(self, stage: Stage) -> bool:
        most = stage.batch if stage.subject is Subject.VIDEO else STRETCHES_PER_BATCH
        return self._patiently(self._tasks.count_next, stage, most) >= most
