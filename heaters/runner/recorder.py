"""The end of claims in PostgreSQL: what they made, what failed and why, in one transaction. It knows no stage by name.

A result that the database refuses fails its item alone: the claims are recorded again one by one, and of a claim that
is refused still, each item inside a savepoint of its own.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg

from heaters.core.pipeline import OF_VIDEOS, Stage, Subject, announced
from heaters.errors import DatabaseAway, PermanentError, RecordRefused, SourceRefused, StageError, StoreError
from heaters.runner.claims import Claim, Ended, Failure, Finished, text_of
from heaters.runner.tasks import TaskStore
from heaters.stages.base import StageCode, StageResult, summary
from heaters.store.db import Cursor
from heaters.store.queries import query
from heaters.store.withdrawals import WITHDRAWN, work_came_late

# A deadlock or a lock that somebody keeps: the same transaction may go through the next time.
TRIES = 3
_PASSING = ("40001", "40P01", "55P03")
_FENCED = "HT001"


class Recorder:
    """Records ended claims of one driver."""

    def __init__(self, tasks: TaskStore) -> None:
        self._tasks = tasks

    def finish(self, stage: Stage, code: StageCode[Any, Any], ended: Sequence[Ended]) -> Finished:
        """Record results, failures, history and the change that follows. Raises DatabaseAway; then nothing is written,
        or all of it: doing it again is safe, because it is fenced.
        """
        finished = self._finish(stage, code, ended)
        if finished.fenced:
            self._came_late(finished.fenced, ended)
        self._tasks.forget(stage, [one.claim for one in ended if not one.goes_on])
        return finished

    def _came_late(self, fenced: Sequence[Claim], ended: Sequence[Ended]) -> None:
        """Where the videos were withdrawn, what was put of them has to go, under their bytes' own names."""
        brought = {one.claim: next((r.brought for _, r in one.done if r.brought), None) for one in ended}
        with self._tasks.database.transaction() as tx:
            work_came_late(tx, {claim.video_id: brought[claim] for claim in fenced})

    def _finish(self, stage: Stage, code: StageCode[Any, Any], ended: Sequence[Ended]) -> Finished:
        try:
            return Finished(recorded=tuple(ended), failures=self._together(stage, code, ended))
        except _FencedError:
            pass
        except _RefusedError as refused:
            if len(ended) == 1:
                return self._one_by_one(stage, code, ended[0], refused)
        if len(ended) == 1:
            return Finished(fenced=(ended[0].claim,))
        parts = [self._finish(stage, code, [one]) for one in ended]
        return Finished(
            recorded=tuple(one for part in parts for one in part.recorded),
            failures=tuple(one for part in parts for one in part.failures),
            fenced=tuple(one for part in parts for one in part.fenced),
        )

    def _together(self, stage: Stage, code: StageCode[Any, Any], ended: Sequence[Ended]) -> tuple[Failure, ...]:
        """All claims in one transaction. Raises _FencedError, _RefusedError and DatabaseAway."""
        for attempt in range(1, TRIES + 1):
            try:
                with self._tasks.database.transaction() as tx:
                    done = [pair for one in ended for pair in one.done]
                    if done:
                        code.record(tx, self._tasks.variant(stage), done)
                    return self._settle(tx, stage, ended)
            except (psycopg.Error, StoreError) as error:
                state = _state(error)
                if state == _FENCED:
                    raise _FencedError from error
                if isinstance(error, DatabaseAway):
                    raise
                if state not in _PASSING or attempt == TRIES:
                    raise _RefusedError(error) from error
        raise AssertionError("the loop returns or raises")

    def _one_by_one(self, stage: Stage, code: StageCode[Any, Any], ended: Ended, refused: "_RefusedError") -> Finished:
        """One claim, each item in a savepoint: what the database refuses of it becomes that item's failure."""
        outcomes: list[StageResult | StageError] = list(ended.outcomes)
        try:
            with self._tasks.database.transaction() as tx:
                for place, (item, outcome) in enumerate(zip(ended.items, ended.outcomes, strict=True)):
                    if not isinstance(outcome, StageError):
                        problem = self._try(tx, code, stage, item, outcome)
                        outcomes[place] = problem or outcome
                        if isinstance(problem, SourceRefused):
                            tx.execute(query("put_again"), {"contents": [outcome.brought]})
                if all(new is old for new, old in zip(outcomes, ended.outcomes, strict=True)):
                    outcomes = [self._refusal(refused.cause)] * len(outcomes)  # it is the whole that is refused
                judged = replace(ended, outcomes=outcomes)
                return Finished(recorded=(judged,), failures=self._settle(tx, stage, [judged]))
        except (psycopg.Error, StoreError) as error:
            if isinstance(error, DatabaseAway):
                raise
            if _state(error) == _FENCED:
                return Finished(fenced=(ended.claim,))
        judged = replace(ended, outcomes=[self._refusal(refused.cause)] * len(outcomes))
        try:
            return Finished(recorded=(judged,), failures=self._together(stage, code, [judged]))
        except _FencedError:
            return Finished(fenced=(ended.claim,))

    def _try(
        self, tx: Cursor, code: StageCode[Any, Any], stage: Stage, item: Any, result: StageResult
    ) -> StageError | None:
        try:
            with tx.connection.transaction():
                code.record(tx, self._tasks.variant(stage), [(item, result)])
                tx.execute(query("check_constraints"))
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError, psycopg.InternalError) as error:
            return self._refusal(error)
        except psycopg.OperationalError as error:
            if error.sqlstate is None or tx.connection.closed:
                raise
            return self._refusal(error)
        return None

    def _refusal(self, error: BaseException) -> StageError:
        if isinstance(error, psycopg.Error) and error.sqlstate == WITHDRAWN:
            return SourceRefused(f"its bytes were withdrawn: {error.diag.message_primary}")
        return RecordRefused(f"the database refuses the result: {type(error).__name__}: {text_of(error)}")

    def _settle(self, tx: Cursor, stage: Stage, ended: Sequence[Ended]) -> tuple[Failure, ...]:
        done = [(one.claim, item) for one in ended for item, _ in one.done]
        failed = [(one.claim, item, error) for one in ended for item, error in one.failed]
        is_clip = stage.subject is Subject.CLIP
        given = {
            "driver": self._tasks.driver,
            "variant": self._tasks.variant(stage),
            "attempts": stage.attempts,
            "gives": str(stage.gives) if stage.gives in announced() else "",
            "milestone": stage.milestone,
            "by_stretches": not is_clip and stage.gives not in OF_VIDEOS,
            "claims": json.dumps([_end(one) for one in ended]),
            "done_videos": [claim.video_id for claim, _ in done],
            "done_clips": [item.id if is_clip else 0 for _, item in done],
            "failed": json.dumps(
                [
                    {
                        "video_id": claim.video_id,
                        "stretch": claim.stretch,
                        "clip_id": item.id if is_clip else 0,
                        "error_type": type(error).__name__,
                        "error": text_of(error),
                        "permanent": isinstance(error, PermanentError) or not error.retryable,
                    }
                    for claim, item, error in failed
                ]
            ),
        }
        rows = tx.execute(query("settle"), given).fetchall()
        errors = {(claim.video_id, item.id if is_clip else 0): error for claim, item, error in failed}
        return tuple(
            Failure(
                **row,
                error_type=type(errors[row["video_id"], row["clip_id"]]).__name__,
                error=text_of(errors[row["video_id"], row["clip_id"]]),
                max_failures=stage.attempts,
            )
            for row in rows
        )


class _FencedError(Exception):
    """A claim is not this driver's any more."""


class _RefusedError(Exception):
    """The database refuses something of a transaction."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _state(error: BaseException) -> str | None:
    """The SQLSTATE of an error, or of the one that it wraps."""
    found = error if isinstance(error, psycopg.Error) else error.__cause__
    return found.sqlstate if isinstance(found, psycopg.Error) else None


def _end(ended: Ended) -> dict[str, Any]:
    """The row of `claim_end`."""
    results, errors = [r for _, r in ended.done], [e for _, e in ended.failed]
    return {
        "video_id": ended.claim.video_id,
        "stretch": ended.claim.stretch,
        "attempt": ended.claim.attempt,
        "goes_on": ended.goes_on,
        "status": "failed" if errors and not results else "done",
        "items": len(ended.items),
        "failed_items": len(errors),
        "error_type": type(errors[0]).__name__ if errors else None,
        "error": text_of(errors[0]) if errors else None,
        "result": summary(results) if results else None,
    }
