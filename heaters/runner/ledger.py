"""The runner's side of PostgreSQL: claim with a lease, keep it, finish with fencing. Knows no stage by name."""

import os
import random
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from heaters.core.pipeline import Stage, Subject
from heaters.errors import NodeFull, NodeLost, StageError
from heaters.settings import Settings
from heaters.stages.base import StageResult
from heaters.status import count_due, due_parameters
from heaters.store.db import Database
from heaters.store.queries import query

# An item whose workers died this often without an answer is probably what kills them.
MAX_LOST = 10
ANY_BYTES = 2**62
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

    def claim(
        self, stage: Stage, limit: int, *, room_bytes: int = ANY_BYTES, most_bytes: int = ANY_BYTES
    ) -> list[Claim]:
        """Take up to `limit` due items; of videos no more than begin within `room_bytes`, each of them counted as
        `most_bytes` at most.
        """
        name = "claim_videos" if stage.subject is Subject.VIDEO else "claim_clips"
        if stage.by_host:
            name = "claim_videos_by_host"
        with self._database.transaction() as tx:
            tx.execute(query("serialise_claims"), {"stage": stage.name})
            with tx.connection.cursor(row_factory=class_row(Claim)) as cursor:
                parameters = {
                    "limit": limit,
                    "worker": self.worker,
                    "lease_seconds": self._settings.lease_seconds,
                    "room_bytes": room_bytes,
                    "most_bytes": most_bytes,
                    "host_limit": self._settings.host_downloads,
                    "host_spacing_seconds": self._settings.host_spacing_seconds,
                    **due_parameters(stage, self._settings, self.scope),
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
        """How many items are due for `stage` now."""
        with self._database.transaction() as tx:
            return count_due(tx, stage, self._settings, self.scope)

    def is_drained(self, stages: Sequence[Stage]) -> bool:
        """Whether nothing of these stages is due, running or waiting for a retry."""
        busy = any(row["running"] or row["retrying"] for row in self.counts().values())
        return not busy and not any(self.waiting(stage) for stage in stages)

    def counts(self) -> dict[str, dict[str, Any]]:
        """Runs by stage: running, retrying, retry_in_seconds, dead, done, done_last_hour."""
        with self._database.transaction() as tx:
            rows = tx.execute(query("run_counts"), {"scope": self.scope}).fetchall()
        return {row["stage"]: row for row in rows}
