"""Two drivers and two reviewers at once on one library: each clip is as its last act left it, described and exported.

The short form lasts some seconds; with HEATERS_REPEAT set, ten minutes.
"""

import os
import random
import signal
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
from command import Heaters
from outcome import check_rules, check_tiles
from rows import one, rows
from shots import write_films, write_manifest
from waiting import wait_until

from heaters.core.states import ReviewAction
from heaters.errors import RuleError
from heaters.store.db import Database
from heaters.store.leases import Leases
from heaters.store.objects import open_store
from heaters.store.review import Reviews
from heaters.store.tracks import Tracks

IS_LONG = "HEATERS_REPEAT" in os.environ
VIDEOS, SECONDS = (120, 600.0) if IS_LONG else (6, 25.0)
pytestmark = [pytest.mark.faults, pytest.mark.timeout(SECONDS + 1800)]
# Often what reviewers do most; splits, moves and merges leave new clips that the drivers must describe.
ACTS = [
    *(ReviewAction.APPROVE,) * 4,
    *(ReviewAction.SKIP, ReviewAction.SPLIT, ReviewAction.MOVE, ReviewAction.MERGE, ReviewAction.UNDO),
]
RANGE = "select start_frame, end_frame from clips where id = %(id)s and retired_at is null"


class Reviewer(threading.Thread):
    """Takes hands of clips and does something to each, until told to stop."""

    def __init__(self, name: str, db: Database, media: Path, seed: int, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.acts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.errors: list[BaseException] = []
        self._db, self._stop_asked, self._dice = db, stop, random.Random(seed)
        self._leases = Leases(db)
        self._reviews = Reviews(db, Tracks(open_store(str(media))), lease_seconds=self._leases.lease_seconds)

    def run(self) -> None:
        try:
            while not self._stop_asked.is_set():
                hand = self._leases.take(self.name, 5)
                for clip in hand.ids:
                    self._act(clip)
                if not hand.ids:
                    time.sleep(0.2)
                elif not IS_LONG or self._dice.random() < 0.2:
                    time.sleep(self._dice.uniform(0.1, 1.0))
            self._leases.release(self.name)
        except BaseException as error:
            self.errors.append(error)

    def _act(self, clip: int) -> None:
        action, key = self._dice.choice(ACTS), uuid.uuid4().hex
        found = rows(self._db, RANGE, {"id": clip})
        if not found:
            return  # an undo of this reviewer took it away
        start, end = found[0]["start_frame"], found[0]["end_frame"]
        frame = self._dice.randint(start, end) if action in (ReviewAction.SPLIT, ReviewAction.MOVE) else None
        try:
            if action is ReviewAction.UNDO:
                self._reviews.undo(reviewer=self.name, request_key=key)
            else:
                self._reviews.act(action, clip, reviewer=self.name, request_key=key, frame=frame)
            self.acts[action] += 1
        except RuleError as error:
            self.refused[f"{action}: {error}"] += 1


def test_two_drivers_and_two_reviewers(heaters: Heaters, db: Database, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    write_films(folder, VIDEOS, random.Random(11), shots=4, frames_each=range(20, 60))
    assert heaters("submit", write_manifest(tmp_path / "all.txt", folder)).code == 0
    media = Path(heaters.environment["HEATERS_HOME"]) / "media"
    stop = threading.Event()
    reviewers = [Reviewer(name, db, media, seed, stop) for seed, name in enumerate(("anna", "bert"))]
    drivers = [heaters.start("run", "--forever", "--json") for _ in range(2)]
    for reviewer in reviewers:
        reviewer.start()
    time.sleep(SECONDS)
    # On a busy machine the first clips come late.
    wait_until(
        lambda: all(who.acts[ReviewAction.APPROVE] or not who.is_alive() for who in reviewers),
        "an approval",
        timeout_seconds=300,
    )
    ended = [driver.poll() for driver in drivers]
    stop.set()
    for reviewer in reviewers:
        reviewer.join(60)
    for driver in drivers:
        driver.send_signal(signal.SIGINT)
    said = [driver.communicate(timeout=120) for driver in drivers]
    assert ended == [None, None], said
    assert [reviewer.errors for reviewer in reviewers] == [[], []]
    ran = heaters("run", "--json", timeout_seconds=1500)
    assert ran.code == 0, ran.err
    report(db, reviewers)

    assert all(reviewer.acts[ReviewAction.APPROVE] for reviewer in reviewers)
    held = rows(db, "select count(distinct driver) as n from stage_runs where status = 'done'")
    assert held[0]["n"] >= 2
    assert one(db, "select count(*) from videos where state <> 'cut'") == 0
    assert one(db, "select count(*) from failures") == 0
    for table in ("stills", "facts", "embeddings"):
        lacking = f"select count(*) from clips c where retired_at is null and not exists (select from {table} d where d.clip_id = c.id)"  # noqa: E501
        assert one(db, lacking) == 0, table
    exported = "select count(*) filter (where c.state = 'review_approved' and e.clip_id is null) as missing, count(*) filter (where c.state = 'review_approved') as wanted from clips c left join exports e on e.clip_id = c.id where c.retired_at is null"  # noqa: E501
    counts = rows(db, exported)[0]
    assert counts["missing"] == 0
    assert counts["wanted"] > 0
    check_tiles(db)
    check_rules(db, media, edited=True)


def report(db: Database, reviewers: list[Reviewer]) -> None:
    """The counts, for whoever watches."""
    for reviewer in reviewers:
        print(reviewer.name, dict(reviewer.acts), "refused", sum(reviewer.refused.values()))
        print("  ", reviewer.refused.most_common(5))
    for row in rows(
        db,
        "select v.stage, r.driver, r.status::text, count(*) as n, sum(r.items) as items from stage_runs r "
        "join variants v on v.id = r.variant group by 1, 2, 3 order by 1, 2, 3",
    ):
        print("  ", *row.values())
