"""What happens when a batch ends: record it, lose it or give it back, and tell observers. It knows no stage by name."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from heaters.core.pipeline import Stage
from heaters.errors import HeatersError, StageError
from heaters.runner.batches import Batch
from heaters.runner.blame import MAX_LOSSES, blame, final
from heaters.runner.budget import Budget
from heaters.runner.calls import Call
from heaters.runner.claims import Ended, text_of
from heaters.runner.events import Observer
from heaters.runner.patience import Patience
from heaters.runner.pools import Unfit
from heaters.runner.recorder import Recorder
from heaters.runner.tasks import TaskStore
from heaters.stages.base import StageCode


class Endings:
    """Ends what a driver has in flight."""

    def __init__(
        self,
        tasks: TaskStore,
        codes: Mapping[str, StageCode[Any, Any]],
        budget: Budget,
        observer: Observer,
        patiently: Patience,
    ) -> None:
        self.unfit: dict[str, HeatersError] = {}  # stage → why a worker of it could not be built
        self._tasks = tasks
        self._recorder = Recorder(tasks)
        self._codes = codes
        self._budget = budget
        self._observer = observer
        self._patiently = patiently

    def done(self, batches: Sequence[Batch]) -> None:
        """Batches of one stage whose parts are all back: recorded in one transaction."""
        for batch in batches:
            self._leave(batch)
        self.record(batches[0].stage, [one for batch in batches for one in batch.ended()])

    def lost(self, call: Call, error: StageError) -> bool:
        """A call ended by an error of its own, not of its items. True: it counts as the failure of its items, which
        have it as their outcome now; the batch goes on. False: the claims are lost, and wait to be claimed again.
        """
        batch = call.batch
        verdict = blame(error, len(call.part))
        if verdict.counts:
            batch.put(call.part, [error] * len(call.part))
            return True
        worn_out = self._patiently(
            self._tasks.lose,
            batch.stage,
            batch.claims,
            error=error,
            is_alone=verdict.is_alone,
            delay_seconds=verdict.delay_seconds,
            most=MAX_LOSSES,
            seconds=time.monotonic() - call.submitted,
        )
        one_by_one = " one at a time" if verdict.is_alone else ""
        items = f"{len(call.part)} item{'s'[: len(call.part) != 1]}"
        self._observer.noticed(f"{batch.stage.name} lost {items}, to be tried again{one_by_one}: {error}")
        self._leave(batch)
        self.record(batch.stage, [batch.failed(claim, final(error, MAX_LOSSES)) for claim in worn_out])
        return False

    def released(self, batch: Batch, word: Unfit) -> None:
        """A worker could not be built on a node: the claims are given back, for other nodes."""
        stage = batch.stage
        if stage.name not in self.unfit:
            self._observer.noticed(f"{stage.name} cannot run on a node: {word.error}")
        self.unfit[stage.name] = word.error
        self._patiently(self._tasks.release, [(stage, claim) for claim in batch.claims])
        self._leave(batch)

    def record(self, stage: Stage, ended: Sequence[Ended]) -> None:
        """Write down the end of claims of one stage, and tell of it."""
        if not ended:
            return
        finished = self._patiently(self._recorder.finish, stage, self._codes[stage.name], ended)
        self._budget.happened(stage.gives)
        for one in finished.recorded:
            if one.items:
                self._observer.finished(stage, one)
        for failure in finished.failures:
            self._observer.failed(stage, failure)
        for claim in finished.fenced:
            self._observer.noticed(
                f"dropped a late result of {stage.name} for video {claim.video_id}: its lease had run out"
            )

    def _leave(self, batch: Batch) -> None:
        """A batch is not in flight any more."""
        if batch.stage.reads_source:
            for claim in batch.claims:
                self._budget.end_reading(claim.video_id)
        self._budget.room_again(batch.stage)


def as_stage_error(error: HeatersError) -> StageError:
    """What a call raised, as the failure of its items."""
    return error if isinstance(error, StageError) else StageError(text_of(error))
