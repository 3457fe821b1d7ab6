"""The runner's side of PostgreSQL: claim with a lease, keep it, finish with fencing. Knows no stage by name."""

import os
import random
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from heaters.core.pipeline import Stage, State, Subject, eligible_states
from heaters.errors import NodeFull, NodeLost, StageError
from heaters.runner.sweep import SPAN, Sweep
from heaters.settings import Settings
from heaters.stages.base import StageResult
from heaters.status import count_due, due_parameters, first_due
from heaters.store.db import Database
from heaters.store.queries import query

# An item whose workers died this often without an answer is probably what kills them.
MAX_LOST = 10
ANY_BYTES = 2**62
ANY_VIDEO = 2**62
# Times the attempt: until a full node may have room again. Those that were ended together come back apart.
NODE_FULL_SECONDS = 10.0
# First wait, growth and ceiling of the back-off; jitter spreads items that failed together.
BACKOFF_SECONDS = 2.0
BACKOFF_FACTOR = 4.0
BACKOFF_CEILING_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One attempt at one item, held by this worker until its lease runs out. `failures` counts earlier ones."""

    run_id: int
    subject_id: int
    video_id: int
    attempt: int
    failures: int
    size_bytes: int  # of the video's source


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a failed attempt became: dead, or tried again after `delay_seconds`."""

    error_type: str
    error: str
    dead: bool
    attempt: int
    attempts: int
    delay_seconds: float


def worker_name() -> str:
    """Unique for each start of each driver, readable in a listing."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


def backoff_seconds(failures: int, jitter: float) -> float:
    """The wait after the `failures`-th failure: 2 s, 8 s, 32 s, … at most an hour, times 1 to 1.5 by `jitter`."""
    return min(BACKOFF_SECONDS * BACKOFF_FACTOR ** (failures - 1), BACKOFF_CEILING_SECONDS) * (1 + jitter / 2)


def _delay_seconds(error: StageError, failures: int, attempt: int) -> float:
    if isinstance(error, NodeFull):
        return NODE_FULL_SECONDS * attempt * (0.5 + random.random())
    return 0.0 if isinstance(error, NodeLost) else backoff_seconds(failures, random.random())


class Ledger:
    """Claims and finishes runs for one worker. `scope` limits it to some videos; None means all."""

    def __init__(self, database: Database, settings: Settings, *, worker: str, scope: Sequence[int] | None) -> None:
        self._database = database
        self._settings = settings
        self.worker = worker
        self.scope = None if scope is None else list(scope)
        self._first = min(self.scope or [0])
        self._sweeps: dict[tuple[str, State], Sweep] = {}  # by the first state that they look at

    def claim(
        self, stage: Stage, limit: int, *, room_bytes: int = ANY_BYTES, most_bytes: int = ANY_BYTES
    ) -> list[Claim]:
        """Take up to `limit` due items; of videos no more than begin within `room_bytes`, each of them counted as
        `most_bytes` at most. What a changed default made due among finished items is found in sweeps (`Sweep`).
        """
        room = {"room_bytes": room_bytes, "most_bytes": most_bytes}
        takes, *past = eligible_states(stage)
        if stage.gives is stage.takes:
            # What is done stays there as well, but goes on with what others do: one look at all of it.
            claims = self._sweep(stage, [takes], limit, room, span=ANY_VIDEO)
        else:
            claims = self._take(stage, [takes], limit, room)
        if past and len(claims) < limit:
            claims += self._sweep(stage, past, limit - len(claims), room)
        return claims

    def _sweep(
        self, stage: Stage, states: Sequence[State], limit: int, room: dict[str, int], span: int = SPAN
    ) -> list[Claim]:
        sweep = self._sweeps.setdefault((stage.name, states[0]), Sweep(self._first, span=span))
        if not sweep.is_due:
            return []
        begun = time.monotonic()
        claims = self._take(stage, states, limit, room, from_video=sweep.at, to_video=sweep.until)
        if len(claims) == limit:
            sweep.stay(max(claim.video_id for claim in claims))
        else:
            sweep.go_on(self._last(), found=bool(claims), took_seconds=time.monotonic() - begun)
        return claims

    def _last(self) -> int:
        if self.scope is not None:
            return max(self.scope, default=0)
        with self._database.transaction() as tx:
            return int(tx.execute(query("newest_video")).fetchone()["id"])  # type: ignore[index]

    def _take(
        self,
        stage: Stage,
        states: Sequence[State],
        limit: int,
        room: dict[str, int],
        from_video: int = 0,
        to_video: int = ANY_VIDEO,
    ) -> list[Claim]:
        name = "claim_videos" if stage.subject is Subject.VIDEO else "claim_clips"
        if stage.by_host:
            name = "claim_videos_by_host"
        with self._database.transaction() as tx:
            tx.execute(query("serialise_claims"), {"stage": stage.name})
            with tx.connection.cursor(row_factory=class_row(Claim)) as cursor:
                parameters = {
                    **due_parameters(stage, self._settings, self.scope, states),
                    **room,
                    "limit": limit,
                    "from_video": from_video,
                    "to_video": to_video,
                    "worker": self.worker,
                    "lease_seconds": self._settings.lease_seconds,
                    "host_limit": self._settings.host_downloads,
                    "host_spacing_seconds": self._settings.host_spacing_seconds,
                }
                return cursor.execute(query(name), parameters).fetchall()

    def inputs(self, module: ModuleType, claims: Sequence[Claim]) -> dict[int, Any]:
        """The stage's `Input` of each claimed item, by id."""
        parameters = {"ids": [c.subject_id for c in claims], "strategy": self._settings.keyframes}
        with self._database.transaction() as tx, tx.connection.cursor(row_factory=class_row(module.Input)) as cursor:
            return {row.id: row for row in cursor.execute(query(module.INPUT), parameters).fetchall()}

    def finish(self, stage: Stage, module: ModuleType, claim: Claim, item: Any, result: StageResult) -> bool:
        """Record result, run and new state in one transaction. False: the lease had moved on, nothing is written."""
        return self.finish_all(stage, module, [(claim, item, result)]) == {claim.run_id}

    def finish_all(self, stage: Stage, module: ModuleType, done: Sequence[tuple[Claim, Any, StageResult]]) -> set[int]:
        """Record a batch in one transaction; returns the runs that were still ours, of the others nothing is written.

        A module may have `record_all`, which writes the results of a batch in one go.
        """
        with self._database.transaction() as tx:
            fences = {
                "worker": self.worker,
                "run_ids": [claim.run_id for claim, _, _ in done],
                "attempts": [claim.attempt for claim, _, _ in done],
                "results": [Jsonb(result.figures()) for _, _, result in done],
            }
            ours = {row["id"] for row in tx.execute(query("finish_runs"), fences).fetchall()}
            kept = [one for one in done if one[0].run_id in ours]
            if not kept:
                return ours
            if hasattr(module, "record_all"):
                module.record_all(tx, [(item, result) for _, item, result in kept])
            else:
                for _, item, result in kept:
                    module.record(tx, item, result)
            advance = "advance_videos" if stage.subject is Subject.VIDEO else "advance_clips"
            ids = [claim.subject_id for claim, _, _ in kept]
            tx.execute(query(advance), {"ids": ids, "takes": str(stage.takes), "gives": str(stage.gives)})
        return ours

    def fail(self, stage: Stage, claim: Claim, error: StageError) -> Failure:
        """Record a failure: dead when trying again cannot help or the attempts are used up, else with a back-off.

        A node that died is a loss, as a lease that ran out: due again at once, and bounded by `MAX_LOST` alone. So is
        one that ran out of memory, after a wait.
        """
        is_lost = isinstance(error, NodeLost)
        failures = claim.failures + (not is_lost)
        dead = not error.retryable or failures >= stage.attempts
        failure = Failure(
            error_type=type(error).__name__,
            error=str(error).replace("\x00", "")[:4000] or type(error).__name__,
            dead=dead,
            attempt=failures,
            attempts=stage.attempts,
            delay_seconds=0.0 if dead else _delay_seconds(error, failures, claim.attempt),
        )
        with self._database.transaction() as tx:
            tx.execute(
                query("fail_run"),
                {
                    "run_id": claim.run_id,
                    "worker": self.worker,
                    "attempt": claim.attempt,
                    "status": "dead" if dead else "lost" if is_lost else "failed",
                    "max_lost": MAX_LOST,
                    "error_type": failure.error_type,
                    "error": failure.error,
                    "delay_seconds": failure.delay_seconds,
                },
            )
        return failure

    def release(self, claims: Sequence[Claim]) -> None:
        """Give claims back unfinished; they do not count as attempts."""
        with self._database.transaction() as tx:
            tx.execute(query("release_runs"), {"run_ids": [c.run_id for c in claims], "worker": self.worker})

    def heartbeat(self, database: Database, run_ids: Sequence[int]) -> None:
        """Renew the leases of `run_ids`, on a connection of the caller's own."""
        with database.transaction() as tx:
            parameters = {
                "worker": self.worker,
                "lease_seconds": self._settings.lease_seconds,
                "run_ids": list(run_ids),
            }
            tx.execute(query("heartbeat"), parameters)

    def expire(self) -> int:
        """Take back what silent workers held; returns how many runs."""
        with self._database.transaction() as tx:
            return len(tx.execute(query("expire_leases"), {"max_lost": MAX_LOST}).fetchall())

    def waiting(self, stage: Stage) -> int:
        """How many items are due for `stage` now. Looks at all that are done."""
        with self._database.transaction() as tx:
            return count_due(tx, stage, self._settings, self.scope)

    def queued_calls(self, stage: Stage, most: int) -> float:
        """How many calls' worth of items wait in the state that `stage` takes, counted up to `most`; that many if a
        sweep finds some.
        """
        if any(sweep.is_finding for (name, _), sweep in self._sweeps.items() if name == stage.name):
            return most
        most_items = most * stage.batch
        with self._database.transaction() as tx:
            items = count_due(tx, stage, self._settings, self.scope, states=[stage.takes], most=most_items)
        return items / stage.batch

    def is_drained(self, stages: Sequence[Stage]) -> bool:
        """Whether nothing of these stages is due, running or waiting for a retry. What is due will be found at once."""
        with self._database.transaction() as tx:
            if tx.execute(query("is_any_run_open"), {"scope": self.scope}).fetchone()["yes"]:  # type: ignore[index]
                return False
            for stage in stages:
                video = first_due(tx, stage, self._settings, self.scope)
                if video is not None:
                    past = eligible_states(stage)[1:]
                    self._sweeps = {(stage.name, past[0]): Sweep(self._first, at=video)} if past else {}
                    return False
        return True

    def counts(self) -> dict[str, dict[str, Any]]:
        """Runs by stage: running, retrying, retry_in_seconds, dead, done, done_last_hour."""
        with self._database.transaction() as tx:
            rows = tx.execute(query("run_counts"), {"scope": self.scope}).fetchall()
        return {row["stage"]: row for row in rows}
