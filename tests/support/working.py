"""A driver without Ray: claims, inputs and endings on a real database, with results made up by the test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from psycopg.types.json import Jsonb

from heaters.core.pipeline import STAGES, Stage, Subject
from heaters.errors import StageError
from heaters.runner.claims import Claim, Ended, Finished
from heaters.runner.heartbeat import Heartbeat
from heaters.runner.recorder import Recorder
from heaters.runner.tasks import TaskStore
from heaters.settings import Settings
from heaters.stages.base import StageCode, StageResult
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.vectors import Row, SpaceRow, space_number, write_vectors

Outcomes = Callable[[Any], StageResult | StageError]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(StageResult):
    """Nothing but a number."""

    figure: int = 0


def _stills(tx: Any, variant: int, done: Sequence[tuple[Any, StageResult]]) -> None:
    ids = [item.id for item, _ in done]
    given = {"clip_ids": ids, "sha256": [b"\1" * 96] * len(ids), "sizes": [Jsonb([1, 2, 3])] * len(ids)}
    of = {"origins": ["sample"] * len(ids), "frames": [Jsonb([item.start_frame] * 3) for item, _ in done]}
    tx.execute(query("record_stills"), {**given, **of, "variant": variant})


def _facts(tx: Any, variant: int, done: Sequence[tuple[Any, StageResult]]) -> None:
    names = ("motion", "brightness", "black_share", "frozen_share", "letterbox", "sharpness")
    rows = [{"id": item.id, **dict.fromkeys(names, 0.5)} for item, _ in done]
    tx.execute(query("record_facts"), {"variant": variant, "facts": Jsonb(rows)})


def _vectors(tx: Any, variant: int, done: Sequence[tuple[Any, StageResult]]) -> None:
    space = SpaceRow(asked=variant, model="starter@1", name="starter", strategy="multi_average", dimension=4)
    number = space_number(tx, space)
    vector = np.full(4, 0.5, np.float32)
    write_vectors(tx, [Row(clip_id=item.id, variant=number, vector=vector, images=3) for item, _ in done])


def _exports(tx: Any, variant: int, done: Sequence[tuple[Any, StageResult]]) -> None:
    ids = [item.id for item, _ in done]
    count = len(ids)
    given = {"params": ["p"] * count, "sha256": [b"\2" * 32] * count, "size_bytes": [9] * count, "frames": [1] * count}
    given |= {"widths": [96] * count, "heights": [64] * count, "copied": [0] * count, "rules": [""] * count}
    tx.execute(query("record_exports"), given | {"variant": variant, "clip_ids": ids})


def _nothing(tx: Any, variant: int, done: Sequence[tuple[Any, StageResult]]) -> None:
    del tx, variant, done


RECORDS: dict[str, Callable[[Any, int, Sequence[tuple[Any, Any]]], None]] = {
    "keyframes": _stills,
    "facts": _facts,
    "embed": _vectors,
    "export": _exports,
}


class Driver:
    """One driver on a database, with its lease."""

    def __init__(self, db: Database, settings: Settings, name: str = "a", scope: Sequence[int] | None = None) -> None:
        self.db = db
        self.tasks = TaskStore(db, settings, driver=name, scope=scope)
        self.recorder = Recorder(self.tasks)
        self.beat(60.0)

    def beat(self, lease_seconds: float) -> None:
        """Renew the lease, for so long."""
        Heartbeat(self.db, self.tasks.driver, lease_seconds=lease_seconds, on_trouble=print).beat()

    def claim(self, stage: Stage, most: int = 100, **options: Any) -> list[Claim]:
        """The claims of one claim statement."""
        return list(self.tasks.claim(stage, most=most, **options).claims)

    def items(self, stage: Stage, claims: Sequence[Claim]) -> dict[Claim, list[Any]]:
        """What is due in claims."""
        return self.tasks.inputs(stage, SimpleNamespace, claims)

    def code(self, stage: Stage, record: Any = None) -> StageCode[Any, Any]:
        """Code of a stage that writes rows as the real one does, as far as others depend on them."""
        return StageCode(
            input=SimpleNamespace,
            worker=lambda _: None,
            record=record or RECORDS.get(stage.name, _nothing),  # type: ignore[arg-type, return-value]
        )

    def finish(
        self,
        stage: Stage,
        claims: Sequence[Claim],
        outcome: Outcomes = lambda item: Done(seconds=0.1),
        record: Any = None,
    ) -> Finished:
        """End claims with an outcome for each item."""
        items = self.items(stage, claims)
        if stage.subject is Subject.VIDEO and stage.name != "download":
            prepared(self.db, stage, [claim.video_id for claim in claims])
        ended = [
            Ended(claim=claim, items=items[claim], outcomes=[outcome(item) for item in items[claim]])
            for claim in claims
        ]
        return self.recorder.finish(stage, self.code(stage, record), ended)

    def drain(self, *names: str) -> list[str]:
        """Run stages in turn until none has anything to do; what was done, as `stage video/stretch×clips`."""
        found = []
        while True:
            before = len(found)
            for name in names:
                stage = STAGES[name]
                claims = self.claim(stage)
                items = self.items(stage, claims) if claims else {}
                self.finish(stage, claims)
                found += [f"{name} {c.video_id}/{c.stretch}×{len(items[c])}" for c in claims]
            if len(found) == before:
                return found


def prepared(db: Database, stage: Stage, videos: Sequence[int]) -> None:
    """What a video has to have before its next state, as the stage's own record would write it."""
    if stage.name == "prepare":
        with db.transaction() as tx:
            tx.execute(
                "update videos set frame_count = 100, proxy_key = 'p', pts_key = 't', analysis_key = 'a', "
                "time_base_num = 1, time_base_den = 25 where id = any (%s)",
                (list(videos),),
            )


def hurry(db: Database) -> None:
    """Let all waits be over."""
    with db.transaction() as tx:
        tx.execute("update tasks set due_at = now() where driver is null")
        tx.execute("update failures set next_attempt_at = now() where next_attempt_at is not null")


def silence(db: Database, driver: str) -> None:
    """Let a driver's lease run out."""
    with db.transaction() as tx:
        tx.execute("update drivers set expires_at = now() - interval '1 second' where name = %s", (driver,))
