"""The rows that `million.py` measures: one for each operation of a driver, a command, the endpoint or a page."""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from statistics import median
from typing import Any

from million_load import CLIPS_PER_VIDEO, QUERIES, STRETCHES, add_film

from heaters.core.facts import Bound
from heaters.core.layout import Rules
from heaters.core.pipeline import STAGES, machine_stages
from heaters.core.states import ReviewAction
from heaters.runner.claims import Claim, Ended
from heaters.runner.drained import is_anything_due
from heaters.runner.heartbeat import Heartbeat
from heaters.runner.metrics import depths
from heaters.runner.recorder import Recorder
from heaters.runner.tasks import TaskStore
from heaters.search import Filters, Query, Search, Term
from heaters.settings import Settings
from heaters.stages.base import stage_code
from heaters.stages.facts import FactsResult
from heaters.status import status
from heaters.store.approval import CLIPS_AT_ONCE, Approver
from heaters.store.db import BY_INDEX, Database
from heaters.store.leases import Leases
from heaters.store.objects import ObjectStore
from heaters.store.recut import Recuts
from heaters.store.review import Reviews
from ui.context import build
from ui.query.browse import browse
from ui.query.place import Place
from ui.status.board import Board

TIMES = 15
AT_ONCE = 16  # stretches that one call takes
FACTS = STAGES["facts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table. `ms`: the median. `rate`: the speed of an operation that has to touch all rows."""

    what: str
    ms: float
    rate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A loaded library, with the connections and settings that the measurements use."""

    database: Database
    settings: Settings
    store: ObjectStore
    clips: int

    def driver(self, name: str = "") -> TaskStore:
        """The tasks of a driver that holds a lease."""
        ours = self.database.like(application_name="driver", max_size=1, patience_seconds=5.0, options=BY_INDEX)
        tasks = TaskStore(ours, self.settings, driver=name or uuid.uuid4().hex, scope=None)
        Heartbeat(self.database, tasks.driver, lease_seconds=600.0, on_trouble=print).beat()
        return tasks

    def status(self) -> None:
        """Ask for the status on a new connection, as the command does."""
        asked = self.database.like(application_name="status", max_size=1, patience_seconds=5.0)
        status(asked, self.settings)
        asked.close()

    def make_due(self, videos: int) -> None:
        """Delete the facts of the last videos' clips, so that the stage `facts` has work."""
        with self.database.transaction() as tx:
            ids = [row["id"] for row in tx.execute(QUERIES["last_videos"].sql, {"videos": videos}).fetchall()]
            tx.execute(QUERIES["undescribe"].sql, {"videos": ids})
            tx.execute(QUERIES["announce_last"].sql, {"videos": ids})


def timed(do: Callable[[], object]) -> float:
    """The milliseconds that `do` takes."""
    begun = time.perf_counter()
    do()
    return (time.perf_counter() - begun) * 1000


def repeated(what: str, do: Callable[[], object], times: int = TIMES) -> Row:
    """Measure `do` several times after a first call that warms up, and take the median."""
    do()
    return Row(what=what, ms=median(timed(do) for _ in range(times)))


# ---------------------------------------------------------------------------------------------------- a driver


def driver_rows(library: Library) -> Iterator[Row]:
    """The statements of a driver: claims, records, and the checks at the start and end of a run."""
    idle = library.driver()
    yield repeated(
        "a claim of each stage, nothing due", lambda: [idle.claim(s, most=AT_ONCE) for s in machine_stages()]
    )
    yield repeated(
        "the start of a run: is anything due? (no)", lambda: is_anything_due(library.driver(), machine_stages(), [])
    )
    yield repeated("the end of a run: is each stage drained?", lambda: [idle.is_drained(s) for s in machine_stages()])
    yield repeated("a look for silent drivers", idle.expire)
    library.make_due(videos=AT_ONCE * TIMES // STRETCHES)
    tasks = library.driver()
    recorder, code = Recorder(tasks), stage_code("facts")
    claims, finishes, clips, dice = [], [], 0, random.Random(5)
    for _ in range(TIMES):
        got: list[Claim] = []
        claims.append(timed(lambda got=got: got.extend(tasks.claim(FACTS, most=AT_ONCE).claims)))  # type: ignore[misc]
        items = tasks.inputs(FACTS, code.input, got)
        ended = [Ended(claim=claim, items=items[claim], outcomes=[_facts(dice) for _ in items[claim]]) for claim in got]
        clips += sum(len(one.items) for one in ended)
        finishes.append(timed(lambda ended=ended: recorder.finish(FACTS, code, ended)))  # type: ignore[misc]
    yield Row(what=f"a claim of {AT_ONCE} stretches", ms=median(claims))
    yield Row(
        what=f"recording {AT_ONCE} stretches", ms=median(finishes), rate=f"{clips / sum(finishes) * 1000:,.0f} clips/s"
    )


def _facts(dice: random.Random) -> FactsResult:
    """Facts that are distributed like the loaded ones."""
    facts = dict.fromkeys(("black_share", "frozen_share", "letterbox", "silence_share"), 0.0)
    facts |= {"motion": 0.2 * dice.random() ** 3, "brightness": 0.5, "sharpness": 0.1, "loudness_dbfs": -20.0}
    return FactsResult(seconds=0.1, facts={**facts})


# ---------------------------------------------------------------------------------------------------- people


def people_rows(library: Library) -> Iterator[Row]:
    """The commands, and the pages of the UI."""
    database, settings = library.database, library.settings
    yield repeated("`heaters status`", library.status)
    context = build(settings, database)
    yield repeated("the board", lambda: Board(context).stages())
    yield repeated("the board's plots", lambda: Board(context).plots())
    yield repeated("a scrape of /metrics", lambda: depths(database, settings, machine_stages()))
    yield from _review_rows(library)
    for what, filters, sort in (
        ("browse the newest", Filters(), "newest"),
        ("browse the newest, skipped alone", Filters(states=("review_skipped",)), "newest"),
        (
            "browse by facts, newest",
            Filters(facts=(Bound(name="motion", low=0.05), Bound(name="black_share", high=0.1))),
            "newest",
        ),
        ("browse by rare facts (0.3 %), longest", Filters(facts=(Bound(name="motion", low=0.1985),)), "longest"),
        ("browse in chance order", Filters(), "shuffled"),
    ):
        yield repeated(what, lambda filters=filters, sort=sort: _browse(database, filters, sort))  # type: ignore[misc]


def _browse(database: Database, filters: Filters, sort: str) -> None:
    with database.transaction() as tx:
        listed = browse(tx, filters, sort=sort, seed=7, place=Place(), limit=60)
    assert listed.ids


def _review_rows(library: Library) -> Iterator[Row]:
    leases, names = Leases(library.database), (f"reviewer {n}" for n in count())
    yield repeated("a lease of 20 clips", lambda: leases.take(next(names), 20))
    yield repeated("a lease of 20 clips, uncertain first", lambda: leases.take(next(names), 20, uncertain_first=True))
    hand = leases.take("bert", 20)
    yield repeated("a renewal of 20 clips", lambda: leases.renew("bert", hand.ids))
    reviews = Reviews(library.database, None)  # type: ignore[arg-type]  # decisions read no PTS
    for what, ids in (("a decision", iter(leases.take("carl", 20).ids)),):
        yield repeated(what, lambda ids=ids: _decide(reviews, next(ids)))  # type: ignore[misc]
    yield repeated("an undo", lambda: reviews.undo(reviewer="carl", request_key=uuid.uuid4().hex))


def _decide(reviews: Reviews, clip: int) -> None:
    reviews.act(ReviewAction.SKIP, clip, reviewer="carl", request_key=uuid.uuid4().hex)


# ---------------------------------------------------------------------------------------------------- search


def search_rows(library: Library) -> Iterator[Row]:
    """Searches for the neighbours of a stored clip."""
    search = Search(library.database, library.settings)
    step = max(library.clips // 97, 1)
    every = chain.from_iterable(range(1, library.clips, step) for _ in count())
    videos = tuple(range(1, library.clips // CLIPS_PER_VIDEO, 50))
    for what, filters in (
        ("search", Filters()),
        ("search, 2 % of the videos", Filters(videos=videos)),
        ("search, skipped alone (3 %)", Filters(states=("review_skipped",))),
        ("search, motion of the top 2 %", Filters(facts=(Bound(name="motion", low=0.188),))),
    ):
        asked = lambda filters=filters: search.run(Query(terms=(Term.clip(next(every)),), filters=filters))  # noqa: E731
        yield repeated(what, asked, times=45)


# ---------------------------------------------------------------------------------------------------- many clips at
# once


def bulk_rows(library: Library) -> Iterator[Row]:
    """Operations that have to touch many rows, and a queue that begins with dead items."""
    film = add_film(library.database, library.store)
    recuts = Recuts(library.database, library.store)
    video = recuts.videos([film])[0]
    thresholds = [0.7, 0.5] * 3
    took = [
        recuts.recut(video, Rules(threshold=value), recuts.stored, reviewer="dora").milliseconds for value in thresholds
    ]
    yield Row(
        what="a recut of a video of 9,000 cuts", ms=median(took), rate=f"{9000 / median(took) * 1000:,.0f} cuts/s"
    )
    tasks = library.driver()
    download = STAGES["download"]
    with library.database.transaction() as tx:
        tx.execute(QUERIES["add_dead_downloads"].sql, {"videos": 100_000, "variant": tasks.variant(download)})
    first = timed(lambda: _read_front(tasks))
    yield Row(what="100,000 dead downloads: read once", ms=first, rate=f"{100_000 / first * 1000:,.0f}/s")
    yield repeated("a claim of downloads behind 100,000 dead ones", lambda: tasks.claim(download, most=AT_ONCE))
    yield repeated("`heaters status` with 100,000 dead downloads", library.status)
    yield from _approval(library)


def _read_front(tasks: TaskStore) -> None:
    while not tasks.claim(STAGES["download"], most=AT_ONCE).at_end:
        pass


def _approval(library: Library) -> Iterator[Row]:
    rule: Sequence[Bound] = (Bound(name="motion", low=0.01), Bound(name="black_share", high=0.1))
    approver = Approver(library.database, None, bounds=rule, reviewer="eva")
    took: list[float] = []
    while not took or not _is_through(approver):
        took.append(timed(approver.look))
    rate = approver.total.looked_at / sum(took) * 1000
    yield Row(
        what=f"approval by a rule, {CLIPS_AT_ONCE} clips of {approver.total.looked_at:,}",
        ms=median(took),
        rate=f"{rate:,.0f} clips/s",
    )


def _is_through(approver: Approver) -> bool:
    state: Any = approver
    return state._after is None
