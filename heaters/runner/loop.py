"""The loop: claim what is due, give it to Ray, finish what comes back. Later stages go first, so that work drains."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import ray

from heaters.core.pipeline import Stage
from heaters.errors import HeatersError, StageError, TransientError
from heaters.runner.cluster import Cluster
from heaters.runner.events import Observer
from heaters.runner.heartbeat import Heartbeat
from heaters.runner.ledger import Claim, Ledger
from heaters.runner.pools import Pool, Reply, stage_module
from heaters.settings import Settings
from heaters.stages.base import Context, StageResult
from heaters.stages.scratch import sweep

# How long to wait for a call before looking at the database again, busy and idle.
TICK_SECONDS = 0.5
# Expired leases are looked for this often.
EXPIRE_SECONDS = 2.0
# An idle model is let go after this long, if no CPU is free.
IDLE_SECONDS = 1.0
# Source bytes in flight per node, which bounds what local caches and scratch hold at once.
IN_FLIGHT_BYTES_PER_NODE = 64 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A batch at Ray."""

    stage: Stage
    module: ModuleType
    claims: Sequence[Claim]
    items: dict[int, Any]
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
        between: Callable[[], object] = lambda: None,
        forever: bool = False,
    ) -> None:
        """`between` is called whenever something finished: auto-approval hooks in there."""
        self._ledger = ledger
        self._heartbeat = heartbeat
        self._cluster = cluster
        self._observer = observer
        self._between = between
        self._forever = forever
        self._modules = {stage.name: stage_module(stage) for stage in stages}
        self._pools = {stage.name: Pool(stage, settings, cluster) for stage in stages}
        self._last_first = tuple(reversed(stages))
        self._calls: dict[Any, Call] = {}
        self._where: dict[int, str] = {}  # video → the node whose cache holds its files
        self._stop = threading.Event()
        self._expired_at = 0.0
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
                self._between()
                claimed = self._claim_all()
                if self._calls:
                    self._wait()
                elif not claimed and not self._forever and self._ledger.is_drained(self._last_first):
                    return True
                elif not claimed:
                    self._stop.wait(TICK_SECONDS)
                self._make_room()
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

    # -------------------------------------------------------------------------------------------- claim

    def _claim_all(self) -> int:
        """Fill every pool's free slots; returns how many items were claimed."""
        return sum(self._claim(stage) for stage in self._last_first)

    def _claim(self, stage: Stage) -> int:
        pool = self._pools[stage.name]
        slots = pool.free()
        if slots <= 0 or self._is_full():
            return 0
        claims = self._ledger.claim(stage, slots * stage.batch)
        if not claims:
            return 0
        self._heartbeat.hold(c.run_id for c in claims)
        module = self._modules[stage.name]
        items = self._ledger.inputs(module, claims)
        batches = list(_batches(claims, stage.batch, slots))
        for batch in batches:
            self._submit(stage, module, batch, items, len(batches))
        return len(claims)

    def _is_full(self) -> bool:
        held = {c.video_id: c.size_bytes for call in self._calls.values() for c in call.claims}
        return bool(held) and sum(held.values()) >= IN_FLIGHT_BYTES_PER_NODE * self._cluster.nodes

    def _submit(
        self, stage: Stage, module: ModuleType, claims: Sequence[Claim], items: dict[int, Any], starting: int
    ) -> None:
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
        deadline = time.monotonic() + stage.timeout_seconds * len(there) + 60
        self._calls[ref] = Call(stage=stage, module=module, claims=there, items=items, deadline=deadline)
        self._observer.started(stage, there)

    # -------------------------------------------------------------------------------------------- finish

    def _wait(self) -> None:
        ready, _ = ray.wait(list(self._calls), num_returns=1, timeout=TICK_SECONDS)
        for ref in ready:
            call = self._calls.pop(ref)
            self._settle(call, self._pools[call.stage.name].collect(ref))
        now = time.monotonic()
        for ref in [r for r, call in self._calls.items() if call.deadline < now]:
            call = self._calls.pop(ref)
            self._settle(call, self._pools[call.stage.name].cancel(ref))

    def _settle(self, call: Call, reply: Reply | HeatersError) -> None:
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
        together = hasattr(call.module, "record_all")
        for group in [done] if together and done else [[one] for one in done]:
            ours = self._ledger.finish_all(call.stage, call.module, group)
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
        self._heartbeat.drop([claim.run_id])
        self._observer.failed(stage, claim, failure)

    # -------------------------------------------------------------------------------------------- the rest

    def _make_room(self) -> None:
        """Let idle models go when no CPU is free: another stage, or another driver, may wait for theirs."""
        now = time.monotonic()
        idle = [p for p in self._pools.values() if p.is_idle and now - p.idle_since > IDLE_SECONDS]
        if idle and ray.available_resources().get("CPU", 0.0) < 1:
            for pool in idle:
                pool.let_go()

    def _give_back(self) -> None:
        """End what is in flight by force and release it; stages are made to be cut off anywhere."""
        claims = [claim for call in self._calls.values() for claim in call.claims]
        for ref, call in list(self._calls.items()):
            self._pools[call.stage.name].cancel(ref)
        self._calls.clear()
        if claims:
            self._heartbeat.drop(c.run_id for c in claims)
            self._ledger.release(claims)
        for pool in self._pools.values():
            pool.let_go()


def _batches(claims: Sequence[Claim], size: int, slots: int) -> Iterator[list[Claim]]:
    """Groups of at most `size`, spread over the free slots. What failed or was lost before goes alone, so that a
    poisonous item cannot take others with it a second time.
    """
    fresh = [c for c in claims if c.attempt == 1]
    yield from ([c] for c in claims if c.attempt > 1)
    step = min(size, max(1, -(-len(fresh) // slots)))
    for start in range(0, len(fresh), step):
        yield fresh[start : start + step]
