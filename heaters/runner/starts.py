"""Starts work: claims what the budget allows, in the order in which it should be done, and gives it to Ray."""

from collections.abc import Mapping
from typing import Any

from heaters.core.pipeline import Stage, Subject
from heaters.errors import WorkerLost
from heaters.runner.batches import Batch, batches
from heaters.runner.blame import MAX_LOSSES, final
from heaters.runner.budget import Budget
from heaters.runner.calls import Calls
from heaters.runner.claims import Claimed, Ended
from heaters.runner.control import Wishes
from heaters.runner.endings import Endings
from heaters.runner.events import Observer
from heaters.runner.horizon import Horizon
from heaters.runner.patience import Patience
from heaters.runner.pools import Pool
from heaters.runner.tasks import TaskStore
from heaters.stages.base import StageCode

# A call for clips claims at most so many stretches: many short videos fill a batch together.
STRETCHES_PER_CALL = 16


class Starts:
    """Starts the calls of one driver. It knows no stage by name."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        codes: Mapping[str, StageCode[Any, Any]],
        pools: Mapping[str, Pool],
        budget: Budget,
        calls: Calls,
        endings: Endings,
        horizon: Horizon,
        observer: Observer,
        patiently: Patience,
    ) -> None:
        self._tasks = tasks
        self._codes = codes
        self._pools = pools
        self._budget = budget
        self._calls = calls
        self._endings = endings
        self._horizon = horizon
        self._observer = observer
        self._patiently = patiently
        self._drain_order = [pool.stage for pool in pools.values()][::-1]
        self._first: tuple[tuple[int, ...], ...] = ()

    def follow(self, wishes: Wishes) -> None:
        """From here on nothing of paused stages starts, and other videos come first."""
        self._budget.paused = frozenset(name for name, pool in self._pools.items() if wishes.is_paused(pool.stage))
        if wishes.first != self._first:
            self._first = wishes.first
            self._tasks.keep_first(wishes.first)
            self._budget.first_changed()

    def fill(self) -> tuple[int, dict[str, str]]:
        """Fill the budget of every stage: that of the videos which come first before all others; then stages that a
        person waits for, then the last stage first, and those that need a model loaded after the others. Returns how
        many claims were started, and for each stage the limit that allows no more.
        """
        started = 0
        limits = {}
        order = sorted(self._drain_order, key=lambda s: (not s.is_urgent, not self._pools[s.name].is_loaded))
        for rank, among in enumerate((*self._first, None)):
            for stage in order:
                allowance = self._budget.calls(stage, rank if among else None)
                limits[stage.name] = allowance.limit
                if allowance.calls > 0:
                    started += len(self.start(stage, allowance.calls, among, rank).claims)
        return started, limits

    def start(self, stage: Stage, calls: int, among: tuple[int, ...] | None = None, rank: int | None = None) -> Claimed:
        """Claim and start so many calls of a stage; `among`: of these videos, which come first as the `rank`-th."""
        claimed = self._patiently(
            self._tasks.claim,
            stage,
            most=calls * (stage.batch if stage.subject is Subject.VIDEO else STRETCHES_PER_CALL),
            items=calls * stage.batch,
            until=self._horizon.until(stage),
            room_bytes=self._budget.room_bytes if stage.reads_source else None,
            most_bytes=self._budget.most_bytes,
            nodes=self._budget.cluster.nodes,
            among=among,
        )
        if claimed.at_end:
            self._budget.found_nothing(stage, rank if among else None)
        if not claimed.claims:
            return claimed
        self._horizon.begin_again()
        items = self._patiently(self._tasks.inputs, stage, self._codes[stage.name].input, claimed.claims)
        worn_out = final(WorkerLost("the drivers that held it fell silent"), MAX_LOSSES)
        self._endings.record(
            stage,
            [
                Ended(claim=claim, items=items[claim], outcomes=[worn_out] * len(items[claim]))
                for claim in claimed.claims
                if not items[claim] or claim.losses >= MAX_LOSSES
            ],
        )
        due = {claim: items[claim] for claim in claimed.claims if items[claim] and claim.losses < MAX_LOSSES}
        groups = list(batches(stage, due, calls, divide=claimed.at_end))
        for batch in groups:
            if stage.reads_source:
                for claim in batch.claims:
                    self._budget.begin_reading(claim.video_id, claim.size_bytes)
        at_once = len(self._calls) + sum(batch.startable for batch in groups)
        for batch in groups:
            self.go_on(batch, at_once)
        return claimed

    def go_on(self, batch: Batch, at_once: int) -> None:
        """Give Ray what may be called of a batch now; `at_once` calls are in flight then."""
        while (call := self._calls.start(batch, at_once)) is not None:
            self._observer.started(batch.stage, batch.claims, len(call.part.items))
