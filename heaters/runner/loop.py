"""The loop: claim what is due, give it to Ray, finish what comes back. Later stages go first, so that work drains."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray

from heaters.core.pipeline import Stage
from heaters.errors import HeatersError, NodeLost, StageError, TransientError, WorkerLost
from heaters.runner.batches import batches
from heaters.runner.cluster import Cluster, dead_nodes, is_any_silent, survey
from heaters.runner.doubts import Doubts
from heaters.runner.events import Observer
from heaters.runner.heartbeat import Heartbeat
from heaters.runner.ledger import Claim, Ledger
from heaters.runner.pools import Pool, Reply, stage_module
from heaters.runner.quarantine import Quarantine
from heaters.runner.sharing import Sharing
from heaters.runner.shortage import Shortage
from heaters.settings import Settings
from heaters.stages.base import Context, StageResult
from heaters.stages.scratch import sweep

# How long to wait for a call before looking at the database again, busy and idle.
TICK_SECONDS = 0.5
EXPIRE_SECONDS = 2.0  # between looks for expired leases
# Nodes are counted this often.
SURVEY_SECONDS = 5.0
# A call may wait so long for a node that an autoscaler starts for it.
BOOT_SECONDS = 1800.0
# Source bytes in flight per node, which bounds what local caches and scratch hold at once.
IN_FLIGHT_BYTES_PER_NODE = 64 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A batch at Ray."""

    stage: Stage
    claims: Sequence[Claim]
    items: dict[int, Any]
    begun: float
    deadline: float


class Runner:
    """Runs stages until nothing is due (or for ever). Build once, call `run()` once."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        heartbeat: Heartbeat,
        cluster: Cluster,
        stages: Sequence[Stage],
        observer: Observer,
        between: Callable[[], Stage | None] = lambda: None,
        forever: bool = False,
        package: str = "heaters.stages",
    ) -> None:
        """`between` is called whenever something finished; it tells which stage's work it did, as auto-approval does.
        `package` has the stages' modules; benchmarks and tests have others, whose work is known.
        """
        self._ledger = ledger
        self._heartbeat = heartbeat
        self._cluster = cluster
        self._observer = observer
        self._between = between
        self._forever = forever
        self._modules = {stage.name: stage_module(stage, package) for stage in stages}
        self._pools = {s.name: Pool(s, settings, cluster, self._modules[s.name].__name__) for s in stages}
        self._last_first = tuple(reversed(stages))
        self._shortage = Shortage(stages)
        self._sharing = Sharing(tuple(self._pools.values()), ledger)
        self._calls: dict[Any, Call] = {}
        self._held: set[str] = set()  # stages whose model is not worth loading yet
        self._quarantine = Quarantine()
        self._doubts: Doubts[Call] = Doubts(dead_nodes, is_any_silent)
        self._where: dict[int, str] = {}  # video → the node whose cache holds its files
        self._stop = threading.Event()
        self._expired_at = 0.0
        self._surveyed_at = time.monotonic()
        sweep(settings.scratch)

    def stop(self) -> None:
        """Ask the loop to end: what runs is given back. Safe from a signal handler."""
        self._stop.set()

    def run(self) -> bool:
        """Work until nothing is left. True: drained; False: stopped before that.

        Raises ConfigError when a stage cannot run at all (a model is missing), StoreError when the database is gone;
        what was in flight is released where possible, and otherwise comes back when its lease runs out.
        """
        try:
            while not self._stop.is_set():
                self._expire()
                for call, error in self._doubts.settled():
                    self._settle(call, error)
                if done := self._between():
                    self._shortage.end(done)
                claimed = self._claim_all()
                for stage, claim in self._quarantine.due(self._cluster.nodes):
                    self._start(stage, [claim], 1)
                if self._calls:
                    self._wait()
                elif not claimed and not self._forever and self._ledger.is_drained(self._last_first):
                    return True
                elif not claimed:
                    self._stop.wait(TICK_SECONDS)
                self._sharing.make_room(self._cluster)
                self._survey()
            return False
        finally:
            self._give_back()

    def _expire(self) -> None:
        now = time.monotonic()
        if now - self._expired_at < EXPIRE_SECONDS:
            return
        self._expired_at = now
        lost = self._ledger.expire()
        if lost:
            self._observer.noticed(f"took back {lost} item{'s'[: lost != 1]} of workers that fell silent")

    def _survey(self) -> None:
        """Nodes come and go: the pools follow."""
        now = time.monotonic()
        if now - self._surveyed_at < SURVEY_SECONDS:
            return
        self._surveyed_at = now
        self._doubts.look()
        found = survey(owned=self._cluster.owned)
        if found != self._cluster:
            self._observer.noticed(f"the cluster has {found.nodes} nodes, {found.cpus:g} CPUs, {found.gpus:g} GPUs now")
            self._cluster = found
            for pool in self._pools.values():
                pool.resize(found)
        self._sharing.balance(self._cluster)

    # -------------------------------------------------------------------------------------------- claim

    def _claim_all(self) -> int:
        """Fill every pool's free slots; returns how many items were claimed."""
        claimed = sum(self._claim(stage) for stage in self._last_first if self._is_next(stage))
        if self._sharing.is_cpu_idle(self._cluster):
            claimed += sum(self._claim(stage) for stage in self._held_back())
        return claimed

    def _is_next(self, stage: Stage) -> bool:
        """Whether to ask for work: there may be some, and it is worth what starting costs."""
        if self._shortage.has(stage):
            return False
        if self._sharing.is_worth_loading(self._cluster, self._pools[stage.name]):
            return True
        self._shortage.begin(stage)
        self._held.add(stage.name)
        return False

    def _held_back(self) -> list[Stage]:
        """Those that were not worth it, once."""
        held, self._held = self._held, set()
        return [stage for stage in self._last_first if stage.name in held]

    def _claim(self, stage: Stage) -> int:
        pool = self._pools[stage.name]
        slots = pool.free(self._sharing.spare_cpus(self._cluster, pool))
        if slots <= 0:
            return 0
        room_bytes, most_bytes = self._room()
        if room_bytes <= 0:
            return 0
        claims = self._ledger.claim(stage, slots * stage.batch, room_bytes=room_bytes, most_bytes=most_bytes)
        if len(claims) < slots * stage.batch:
            self._shortage.begin(stage)
        if not claims:
            return 0
        self._heartbeat.hold(c.run_id for c in claims)
        self._start(stage, self._quarantine.admit(stage, claims), slots)
        return len(claims)

    def _start(self, stage: Stage, claims: Sequence[Claim], slots: int) -> None:
        items = self._ledger.inputs(self._modules[stage.name], claims)
        groups = list(batches(stage, claims, slots))
        for group in groups:
            self._submit(stage, group, items, len(groups))

    def _room(self) -> tuple[int, int]:
        """Bytes that may still come in flight, and the most that one source counts as: one larger than all the room
        does not keep the others out.
        """
        room = IN_FLIGHT_BYTES_PER_NODE * self._cluster.nodes
        held = {c.video_id: min(c.size_bytes, room // 2) for call in self._calls.values() for c in call.claims}
        return room - sum(held.values()), room // 2

    def _submit(self, stage: Stage, claims: Sequence[Claim], items: dict[int, Any], starting: int) -> None:
        there = [c for c in claims if c.subject_id in items]
        for claim in claims:
            if claim.subject_id not in items:
                self._fail(stage, claim, TransientError(f"the rows that {stage.name} needs are not there"))
        if not there:
            return
        # Whoever runs alone may use the whole node; many at once get one thread each.
        threads = max(1, int(self._cluster.node_cpus * self._cluster.nodes // (len(self._calls) + starting)))
        context = Context(
            threads=min(threads, int(self._cluster.node_cpus)), timeout_seconds=float(stage.timeout_seconds)
        )
        node = self._where.get(there[0].video_id)
        ref = self._pools[stage.name].submit([items[c.subject_id] for c in there], context, node)
        # The child's own limit fires first and names the item; this one is for workers that hang themselves.
        begun = time.monotonic()
        deadline = begun + stage.timeout_seconds * len(there) + 60
        deadline += BOOT_SECONDS if self._cluster.grows else 0
        self._calls[ref] = Call(stage=stage, claims=there, items=items, begun=begun, deadline=deadline)
        self._observer.started(stage, there)

    # -------------------------------------------------------------------------------------------- finish

    def _wait(self) -> None:
        ready, others = ray.wait(list(self._calls), num_returns=1, timeout=TICK_SECONDS)
        if ready and others:  # under load several are there by now, and one claim serves them all
            ready += ray.wait(others, num_returns=len(others), timeout=0)[0]
        for ref in ready:
            call = self._calls.pop(ref)
            reply = self._pools[call.stage.name].collect(ref)
            if isinstance(reply, WorkerLost) and not isinstance(reply, NodeLost) and not self._cluster.owned:
                self._doubts.add(call, call.begun, reply)
            else:
                self._settle(call, reply)
        now = time.monotonic()
        for ref in [r for r, call in self._calls.items() if call.deadline < now]:
            call = self._calls.pop(ref)
            self._settle(call, self._pools[call.stage.name].cancel(ref))

    def _settle(self, call: Call, reply: Reply | HeatersError) -> None:
        self._shortage.end(call.stage)
        self._quarantine.leave(call.claims)
        if isinstance(reply, HeatersError) and not isinstance(reply, StageError):
            self._heartbeat.drop(c.run_id for c in call.claims)
            self._ledger.release(call.claims)
            raise reply
        if isinstance(reply, StageError):
            outcomes: Sequence[Any] = [reply] * len(call.claims)
        else:
            outcomes = reply.outcomes
            self._where.update({c.video_id: reply.node for c in call.claims})
        done = []
        for claim, outcome in zip(call.claims, outcomes, strict=True):
            if isinstance(outcome, StageError):
                self._fail(call.stage, claim, outcome)
            else:
                done.append((claim, call.items[claim.subject_id], outcome))
        for claim, result in self._finish(call, done):
            self._observer.finished(call.stage, claim, result)

    def _finish(
        self, call: Call, done: Sequence[tuple[Claim, Any, StageResult]]
    ) -> Iterator[tuple[Claim, StageResult]]:
        """Record what a call did, together where its stage can; what was still ours comes back."""
        together = hasattr(self._modules[call.stage.name], "record_all")
        for group in [done] if together and done else [[one] for one in done]:
            ours = self._ledger.finish_all(call.stage, self._modules[call.stage.name], group)
            self._heartbeat.drop(claim.run_id for claim, _, _ in group)
            for claim, _, result in group:
                if claim.run_id in ours:
                    yield claim, result
                else:
                    self._observer.noticed(
                        f"dropped a late result of {call.stage.name} for {call.stage.subject} {claim.subject_id}: "
                        "its lease had run out"
                    )

    def _fail(self, stage: Stage, claim: Claim, error: StageError) -> None:
        failure = self._ledger.fail(stage, claim, error)
        self._quarantine.failed(stage, claim, error)
        self._heartbeat.drop([claim.run_id])
        self._observer.failed(stage, claim, failure)

    # -------------------------------------------------------------------------------------------- the rest

    def _give_back(self) -> None:
        """End what is in flight by force and release it; stages are made to be cut off anywhere."""
        calls = (*self._calls.values(), *self._doubts.calls)
        claims = [*self._quarantine.empty(), *(claim for call in calls for claim in call.claims)]
        for ref, call in list(self._calls.items()):
            self._pools[call.stage.name].cancel(ref)
        self._calls.clear()
        if claims:
            self._heartbeat.drop(c.run_id for c in claims)
            self._ledger.release(claims)
        for pool in self._pools.values():
            pool.let_go()
