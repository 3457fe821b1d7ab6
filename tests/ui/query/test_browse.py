"""Browsing under filters, against a plain look at all clips; with bounds so small that every way is taken."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from made import add_facts
from rows import add_clips, add_video, rows
from waiting import wait_until

import ui.query.browse
import ui.query.filters
from heaters.core.facts import parsed
from heaters.core.states import ClipState
from heaters.search import Filters
from heaters.settings import Settings
from heaters.store.db import Database
from ui.query.browse import SORTS, browse
from ui.query.place import Place

VIDEOS, CLIPS = 4, 30
FACTS = Settings().variant("facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip as a test knows it."""

    id: int
    video: int
    state: str
    seconds: float
    confidence: float | None
    motion: float | None


def opened(url: str) -> Iterator[Database]:
    """Four videos of thirty clips: some decided, some retired, most measured; lengths and confidences repeat."""
    db = Database(url, patience_seconds=5, options=f"-c heaters.facts={FACTS}")
    for number in range(VIDEOS):
        video = add_video(db, f"video {number}", "cut", frames=1000)
        bounds = [10 * n + (n * 7 + number) % 5 for n in range(1, CLIPS)]
        clips = add_clips(db, video, bounds, frames=1000)
        states = ("review_approved", "review_skipped", "pending_review")
        change = "update clips set state = %s::clip_state, confidence = %s, seconds = %s where id = %s"
        with db.transaction() as tx:
            for place, clip in enumerate(clips):
                confidence = None if place % 11 == 0 else (place % 4) / 10
                tx.execute(change, (states[(place + number) % 3], confidence, place % 7 + 0.1, clip))
        add_facts(db, clips[:25], [{"motion": (n * 13 % 25) / 25} for n in range(25)], FACTS)
    with db.transaction() as tx:
        tx.execute("delete from facts where clip_id % 17 = 0")
        # Of a video whose cuts were laid anew: what is replaced must not be listed.
        tx.execute("set local session_replication_role = replica")
        tx.execute("insert into tallies select 'clips ' || state, -count(*) from clips where id % 10 = 3 group by 1")
        tx.execute("update clips set state = 'retired', retired_at = now() where id % 10 = 3")
    yield db
    db.close()


@pytest.fixture(scope="module")
def library(module_database_url: str) -> Iterator[Database]:
    """A library that tests only read."""
    yield from opened(module_database_url)


@pytest.fixture
def own_library(database_url: str) -> Iterator[Database]:
    """A library of the test's own."""
    yield from opened(database_url)


def known(db: Database) -> list[Clip]:
    """Every active clip."""
    return [
        Clip(**row)
        for row in rows(
            db,
            "select c.id, c.video_id as video, c.state::text, c.seconds::float8, c.confidence, f.motion::float8 "
            "from clips c left join facts f on f.clip_id = c.id where c.retired_at is null",
        )
    ]


KEYS: dict[str, Callable[[Clip], Any]] = {
    "newest": lambda clip: -clip.id,
    "oldest": lambda clip: clip.id,
    "longest": lambda clip: (-clip.seconds, -clip.id),
    "shortest": lambda clip: (clip.seconds, clip.id),
    "uncertain": lambda clip: (2 if clip.confidence is None else clip.confidence, clip.id),
}
CASES: tuple[tuple[Filters, Callable[[Clip], bool]], ...] = (
    (Filters(), lambda _: True),
    (Filters(states=("review_skipped",)), lambda clip: clip.state == "review_skipped"),
    (Filters(states=("review_approved", "pending_review")), lambda clip: clip.state != "review_skipped"),
    (Filters(states=("review_archived",)), lambda _: False),
    (Filters(states=("retired",)), lambda _: False),
    (Filters(videos=(1, 3)), lambda clip: clip.video in (1, 3)),
    (Filters(min_seconds=2.1), lambda clip: clip.seconds >= 2),
    (Filters(min_seconds=1, max_seconds=4.1), lambda clip: 1 <= clip.seconds < 4.05),
    (Filters(facts=parsed(["motion>=0.4"])), lambda clip: clip.motion is not None and clip.motion >= 0.39),
    (
        Filters(
            states=("review_approved",), videos=(2, 3, 4), min_seconds=1, facts=parsed(["motion>=0.2", "motion<=0.9"])
        ),
        lambda clip: (
            clip.state == "review_approved"
            and clip.video != 1
            and clip.seconds >= 1
            and clip.motion is not None
            and 0.2 <= round(clip.motion, 3) <= 0.9
        ),
    ),
)
# Bounds by which clips are gathered, and by which they are read in order a few at a time.
WAYS = {"gathered": (10_000, 10_000), "read in order": (0, 10_000), "read in order, a few at a time": (0, 7)}


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    few, look = WAYS[request.param]
    each = ui.query.filters.Filter.__init__

    def narrowed(self: Any, **values: Any) -> None:
        each(self, **{**values, "few": few})

    monkeypatch.setattr(ui.query.filters.Filter, "__init__", narrowed)
    monkeypatch.setattr(ui.query.browse, "LOOK", look)
    monkeypatch.setattr(ui.query.browse, "LOOK_BY_ID", look)
    return str(request.param)


def pages(db: Database, filters: Filters, sort: str, limit: int = 12, place: Place | None = None) -> list[list[int]]:
    """Pages to the end; one that is not full goes on."""
    found: list[list[int]] = [[]]  # the last one may be empty: nothing was left to find
    following: Place | None = place or Place()
    while following is not None:
        if len(found[-1]) == limit:
            found.append([])
        with db.transaction() as tx:
            listed = browse(tx, filters, sort=sort, seed=7, place=following, limit=limit - len(found[-1]))
        found[-1] += listed.ids
        following = Place.decode(listed.next.encode()) if listed.next else None
    return found


@pytest.mark.parametrize("number", range(len(CASES)))
def test_every_order_gives_what_passes_once(library: Database, way: str, number: int) -> None:
    filters, passes = CASES[number]
    wanted = [clip for clip in known(library) if passes(clip)]
    for sort in SORTS:
        found = [clip for page in pages(library, filters, sort) for clip in page]
        if sort in KEYS:
            assert found == [clip.id for clip in sorted(wanted, key=KEYS[sort])], sort
        assert sorted(found) == sorted(clip.id for clip in wanted), sort


def test_a_page_by_its_number_is_the_page_that_cursors_lead_to(library: Database, way: str) -> None:
    for filters, _ in CASES:
        for sort in SORTS:
            by_cursor = pages(library, filters, sort)
            for number, page in enumerate(by_cursor[:3]):
                assert pages(library, filters, sort, place=Place(skip=12 * number))[0] == page, (filters, sort, number)


def test_the_shuffle_is_the_same_whether_clips_are_gathered_or_tried(library: Database) -> None:
    filters = Filters(states=("review_approved",))
    gathered = pages(library, filters, "shuffled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ui.query.browse, "narrow", lambda *_: None)
        assert [page for page in pages(library, filters, "shuffled") if page] == gathered


def test_new_clips_move_nothing_that_is_paged_through(own_library: Database) -> None:
    for sort in SORTS:
        with own_library.transaction() as tx:
            first = browse(tx, Filters(), sort=sort, seed=7, place=Place(), limit=12)
            second = browse(tx, Filters(), sort=sort, seed=7, place=first.next or Place(), limit=12)
        add_clips(own_library, add_video(own_library, f"new {sort}", "cut", 100), [50])
        with own_library.transaction() as tx:
            again = browse(tx, Filters(), sort=sort, seed=7, place=first.next or Place(), limit=12)
        new = set(again.ids) - set(second.ids)
        assert [clip for clip in again.ids if clip not in new] == [*second.ids][: 12 - len(new)], sort


def test_totals(library: Database) -> None:
    clips = known(library)

    def total(filters: Filters) -> tuple[int | None, bool]:
        with library.transaction() as tx:
            listed = browse(tx, filters, sort="newest", seed=0, place=Place(), limit=5)
        return listed.total, listed.is_more

    skipped = sum(clip.state == "review_skipped" for clip in clips)
    assert total(Filters()) == (len(clips), False)
    assert total(Filters(states=("review_skipped",))) == (skipped, False)
    assert total(Filters(videos=(1,))) == (sum(clip.video == 1 for clip in clips), False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ui.query.filters, "NARROW_VIDEOS", 4)
        assert total(Filters(videos=(1,))) == (4, True)
        patch.setattr(ui.query.browse, "narrow", lambda *_: None)
        assert total(Filters(states=("review_skipped",))) == (skipped, False)
        assert total(Filters(videos=(1,), min_seconds=0)) == (None, True)


def test_one_answer_looks_at_a_bounded_number_of_clips(own_library: Database) -> None:
    """Clips that pass are rare and far away: an answer ends before they are found, and says where to go on."""
    newest = max(clip.id for clip in known(own_library) if clip.state == "pending_review")
    with own_library.transaction() as tx:
        tx.execute("update clips set seconds = 100 where id = (select min(id) from clips where retired_at is null)")
    with pytest.MonkeyPatch.context() as patch, own_library.transaction() as tx:
        patch.setattr(ui.query.browse, "narrow", lambda *_: None)
        patch.setattr(ui.query.browse, "LOOK_BY_ID", 5)
        listed = browse(tx, Filters(min_seconds=50), sort="newest", seed=0, place=Place(), limit=5)
    assert listed.ids == ()
    assert listed.next is not None
    assert listed.next.after_id is not None
    assert listed.next.after_id > newest - 20


def test_decided_clips_move_between_filters(own_library: Database) -> None:
    clip = next(clip for clip in known(own_library) if clip.state == "pending_review")
    with own_library.transaction() as tx:
        tx.execute("update clips set state = %s where id = %s", (ClipState.REVIEW_ARCHIVED, clip.id))
    wait_until(lambda: pages(own_library, Filters(states=("review_archived",)), "newest") == [[clip.id]], "the clip")
