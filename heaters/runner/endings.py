"""What happens when a batch ends: record it, lose it or give it back, and tell observers. It knows no stage by name."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from heaters.core.pipeline import Stage
from heaters.errors import HeatersError, StageError
from heaters.runner.batches import Batch, Lost
from heaters.runner.blame import MAX_LOSSES, blame, final
from heaters.runner.budget import Budget
from heaters.runner.calls import Call
from heaters.runner.claims import Claim, Ended, text_of
from heaters.runner.events import Observer
from heaters.runner.patience import Patience
from heaters.runner.recorder import Recorder
from heaters.runner.tasks import TaskStore
from heaters.runner.words import Unfit
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

    def without_outcomes(self, call: Call, error: StageError) -> None:
        """A call ended by an error of its own, not of its items. It counts as the failure of its items, which have it
        as their outcome then; or they are lost, and wait to be claimed again once the batch is over.
        """
        count = len(call.part.items)
        verdict = blame(error, count, has_begun=call.begun is not None)
        if verdict.counts:
            call.batch.put(call.part, [error] * count)
        else:
            call.batch.give_up(Lost(error=error, blame=verdict, items=count))

    def unbuilt(self, call: Call, word: Unfit) -> None:
        """A worker could not be built on a node: once the batch is over, its claims are given back for other nodes."""
        name = call.batch.stage.name
        if name not in self.unfit:
            self._observer.noticed(f"{name} cannot run on a node: {word.error}")
        self.unfit[name] = word.error
        call.batch.give_up(word)

    def done(self, batches: Sequence[Batch]) -> None:
        """Batches of one stage that are over: outcomes are recorded in one transaction, then claims without go back."""
        for batch in batches:
            if batch.stage.reads_source:
                for claim in batch.claims:
                    self._budget.end_reading(claim.video_id)
            self._budget.room_again(batch.stage)
        ended = {batch: batch.ended() for batch in batches}
        self.record(batches[0].stage, [one for some in ended.values() for one in some if one.items or not one.goes_on])
        for batch, some in ended.items():
            left = [one.claim for one in some if one.goes_on]
            if isinstance(batch.gone, Lost):
                self._lose(batch, batch.gone, left)
            elif batch.gone is not None:
                self._patiently(self._tasks.release, [(batch.stage, claim) for claim in left])

    def _lose(self, batch: Batch, why: Lost, claims: Sequence[Claim]) -> None:
        """Give claims back that nobody is to blame for, or end those to which it happened too often."""
        worn_out = self._patiently(
            self._tasks.lose,
            batch.stage,
            claims,
            error=why.error,
            is_alone=why.blame.is_alone,
            delay_seconds=why.blame.delay_seconds,
            most=MAX_LOSSES,
            seconds=time.monotonic() - batch.begun,
        )
        one_by_one = " one at a time" if why.blame.is_alone else ""
        items = f"{why.items} item{'s'[: why.items != 1]}"
        self._observer.noticed(f"{batch.stage.name} lost {items}, to be tried again{one_by_one}: {why.error}")
        self.record(batch.stage, [batch.failed(claim, final(why.error, MAX_LOSSES)) for claim in worn_out])

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
                f"dropped a late result of {stage.name} for video {claim.video_id}: its lease had run out, "
                "or the video was withdrawn"
            )


def as_stage_error(error: HeatersError) -> StageError:
    """What a call raised, as the failure of its items."""
    return error if isinstance(error, StageError) else StageError(text_of(error))
