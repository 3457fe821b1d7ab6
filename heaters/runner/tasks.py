"""The runner's side of PostgreSQL: claim what is due, give it back, keep the lease. It knows no stage by name.

What is due is found by watermarks. Every change of a video or stretch has a growing place in a log (`changes`); each
variant of a stage remembers up to which place it has claimed everything. Only what is in work, failed or was given back
has a row (`tasks`, `failures`); done work has none, so nothing ever looks at all of it.
"""

from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any, TypeVar

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from heaters.core.pipeline import PIPELINE, STAGES, Stage, Subject
from heaters.errors import StageError
from heaters.runner.claims import Claim, Claimed, text_of
from heaters.runner.statements import claim_statement, host_statement, input_statement
from heaters.runner.watermarks import Watermarks
from heaters.settings import Settings
from heaters.stages.base import ClipItem
from heaters.store.db import Cursor, Database
from heaters.store.queries import query
from heaters.store.variants import variant_number

T = TypeVar("T")

ANY_BYTES = 2**62
# Changes that one claim looks at, of which most may turn out to need nothing.
LOOK = 500
HOSTS_AT_ONCE = 10_000


class TaskStore:
    """Claims for one driver. `scope` limits it to some videos; None means all.

    A driver without a scope shares the watermarks of the database; one with a scope has its own, in memory.
    """

    def __init__(self, database: Database, settings: Settings, *, driver: str, scope: Sequence[int] | None) -> None:
        self.database = database
        self.driver = driver
        self._own = None if scope is None else Watermarks.over(scope)
        self.scope = None if self._own is None else self._own.videos
        self._settings = settings
        self._ranges = None if self._own is None else self._own.ranges
        self._first: dict[tuple[int, ...], Watermarks] = {}  # of videos that come before others
        self._variants: dict[str, int] = {}
        self._at_end: dict[str, bool] = {}  # stage → whether its last claim came to the end of the changes
        self.held: set[tuple[str, int, int]] = set()  # stage, video, stretch of the claims

    # -------------------------------------------------------------------------------------------- variants

    def variant(self, stage: Stage) -> int:
        """The number of the variant that the settings ask of a stage."""
        if stage.name not in self._variants:
            asked = self._settings.variant(stage.variant)
            with self.database.transaction() as tx:
                self._variants[stage.name] = variant_number(tx, stage.name, asked)
        return self._variants[stage.name]

    def _parameters(self, stage: Stage) -> dict[str, Any]:
        return {
            "variant": self.variant(stage),
            "needs": self.variant(STAGES[stage.needs]) if stage.needs else None,
            "takes": str(stage.takes),
            "scope": self._ranges,
            "driver": self.driver,
        }

    # -------------------------------------------------------------------------------------------- claims

    def claim(
        self,
        stage: Stage,
        *,
        most: int,
        items: int | None = None,
        until: int | None = None,
        room_bytes: int | None = None,
        most_bytes: int = ANY_BYTES,
        nodes: int = 1,
        among: tuple[int, ...] | None = None,
    ) -> Claimed:
        """Take what is due: at most `most` videos or stretches, no further than `items` clips are reached, and sources
        as long as they begin within `room_bytes`, each of them counted as `most_bytes` at most; only what changed up to
        the place `until`. Of what has to run alone no more is held than there are `nodes`, by all drivers together.
        `among`: only of these videos, which come before others.
        """
        own = self._own if among is None else self._first.setdefault(among, Watermarks.over(among))
        parameters = self._parameters(stage) | {
            "most": most,
            "items": items or most,
            "until": until,
            "room_bytes": ANY_BYTES if room_bytes is None else room_bytes,
            "most_bytes": most_bytes,
            "nodes": nodes,
            "look": max(LOOK, most),
            "scope": own and own.ranges,
            "videos": own and own.few,
        }
        with self.database.transaction() as tx:
            tx.execute(query("hold_off_cleaner"))
            claim = self._claim_by_host if stage.by_host else self._claim
            claimed = claim(tx, stage, parameters, own)
        self.held.update((stage.name, c.video_id, c.stretch) for c in claimed.claims)
        if among is None:
            self._at_end[stage.name] = claimed.at_end
        return claimed

    def keep_first(self, groups: Sequence[tuple[int, ...]]) -> None:
        """Forget the watermarks of videos that come first no more."""
        self._first = {videos: own for videos, own in self._first.items() if videos in groups}

    def _claim(
        self, tx: Cursor, stage: Stage, parameters: dict[str, Any], own: Watermarks | None, lane: str = ""
    ) -> Claimed:
        after = None if own is None else own.places.get((stage.name, lane), self._begin(tx, stage, own))
        statement = claim_statement(stage, of_few=parameters["videos"] is not None)
        rows = tx.execute(statement, {**parameters, "lane": lane, "after": after}).fetchall()
        if own is not None:
            own.places[stage.name, lane] = rows[0]["place"]
        claims = tuple(
            Claim(**{name: row[name] for name in Claim.__dataclass_fields__})
            for row in rows
            if row["video_id"] is not None
        )
        return Claimed(claims=claims, at_end=rows[0]["at_end"])

    def _claim_by_host(self, tx: Cursor, stage: Stage, parameters: dict[str, Any], own: Watermarks | None) -> Claimed:
        """Each host is a queue of its own, from which no more is taken than it bears."""
        spacing = self._settings.host_spacing_seconds
        given = {
            **parameters,
            "host_limit": self._settings.host_downloads,
            "host_spacing_seconds": spacing,
            "after": Jsonb(own.of(stage.name) if own else {}),
            "first": None if own is None else self._begin(tx, stage, own),
        }
        claims: dict[str, Sequence[Claim]] = {}
        for host in tx.execute(host_statement("free_hosts"), given).fetchall():
            room = min(host["room"], parameters["most"] - sum(map(len, claims.values())))
            if room > 0:
                given_room = parameters | {"most": room, "items": room}
                claims[host["host"]] = self._claim(tx, stage, given_room, own, host["host"]).claims
        begun = [host for host, taken in claims.items() if taken]
        if begun:
            tx.execute(query("put_off_hosts"), {"hosts": begun, "host_spacing_seconds": spacing})
            # The next claim tells whether there is more.
            return Claimed(claims=tuple(chain.from_iterable(claims.values())), at_end=False)
        given["after"] = Jsonb(own.of(stage.name) if own else {})  # by now that of the hosts just looked at
        row = tx.execute(host_statement("is_any_host_waiting"), given).fetchone()
        return Claimed(at_end=not row["yes"])  # type: ignore[index]

    def _begin(self, tx: Cursor, stage: Stage, own: Watermarks) -> int:
        """Where the own watermarks of a stage begin: before the first change that concerns the videos."""
        if stage.name not in own.begins:
            given = {"kind": str(stage.takes), "videos": own.videos}
            row = tx.execute(query("first_change"), given).fetchone()
            own.begins[stage.name] = int(row["at"])  # type: ignore[index]
        return own.begins[stage.name]

    def inputs(self, stage: Stage, row: type[T], claims: Sequence[Claim]) -> dict[Claim, list[T]]:
        """The inputs, one `row` each, of all that is due in the claims, in order; none where nothing is by now."""
        parameters = self._parameters(stage) | {
            "video_ids": [claim.video_id for claim in claims],
            "stretches": [claim.stretch for claim in claims],
        }
        with (
            self.database.transaction() as tx,
            tx.connection.cursor(row_factory=class_row(row)) as cursor,
        ):
            rows: list[Any] = cursor.execute(input_statement(stage), parameters).fetchall()
        if stage.subject is Subject.VIDEO:
            found = {(row.id, 0): [row] for row in rows}
        else:
            found = {place: list(items) for place, items in groupby(rows, _stretch)}
        return {claim: found.get((claim.video_id, claim.stretch), []) for claim in claims}

    def count_next(self, stage: Stage, most: int) -> int:
        """How many videos or stretches changed beyond the watermark, counted up to `most`."""
        after = self._own.places.get((stage.name, "")) if self._own else None
        given = self._parameters(stage) | {"after": after, "most": most}
        with self.database.transaction() as tx:
            return int(tx.execute(query("count_next"), given).fetchone()["n"])  # type: ignore[index]

    # -------------------------------------------------------------------------------------------- giving back

    def lose(
        self,
        stage: Stage,
        claims: Sequence[Claim],
        *,
        error: StageError,
        is_alone: bool,
        delay_seconds: float,
        most: int,
        seconds: float,
    ) -> list[Claim]:
        """The worker or node of claims was lost: they wait to be claimed again. Returns those that were lost too often
        for that; they are held still.
        """
        given = {
            **_places(claims),
            "variant": self.variant(stage),
            "driver": self.driver,
            "error_type": type(error).__name__,
            "error": text_of(error),
            "is_alone": is_alone,
            "delay_seconds": delay_seconds,
            "most": most,
            "seconds": seconds,
        }
        with self.database.transaction() as tx:
            back = {(row["video_id"], row["stretch"]) for row in tx.execute(query("lose"), given).fetchall()}
        worn_out = [c for c in claims if (c.video_id, c.stretch) not in back and c.losses + 1 >= most]
        self.forget(stage, [claim for claim in claims if claim not in worn_out])
        return worn_out

    def release(self, held: Sequence[tuple[Stage, Claim]] | None = None) -> None:
        """Give back these claims (None: all that this driver holds), unfinished: they do not count as attempts."""
        variants = None if held is None else [self.variant(stage) for stage, _ in held]
        given = {**_places([claim for _, claim in held or ()]), "variants": variants, "driver": self.driver}
        with self.database.transaction() as tx:
            tx.execute(query("release"), given)
        for stage, claim in held or ():
            self.forget(stage, [claim])

    def release_unknown(self) -> None:
        """Give back claims whose answer was lost with the connection: this driver does not know that it holds them."""
        known = [(self._variants[name], video, stretch) for name, video, stretch in self.held]
        given = {
            "driver": self.driver,
            "variants": [variant for variant, _, _ in known],
            "video_ids": [video for _, video, _ in known],
            "stretches": [stretch for _, _, stretch in known],
        }
        with self.database.transaction() as tx:
            tx.execute(query("release_others"), given)

    def forget(self, stage: Stage, claims: Sequence[Claim]) -> None:
        """These claims are not held any more."""
        self.held.difference_update((stage.name, c.video_id, c.stretch) for c in claims)

    def expire(self) -> int:
        """Take back what silent drivers held; returns how many videos and stretches."""
        with self.database.transaction() as tx:
            given = {"lease_seconds": self._settings.lease_seconds}
            return int(tx.execute(query("expire"), given).fetchone()["n"])  # type: ignore[index]

    def is_drained(self, stage: Stage, until: int | None = None) -> bool:
        """Whether the last claim of a stage came to the end of the changes, and no task of it is open up to the place
        `until`: held by anybody, or waiting.
        """
        given = {"variants": [self.variant(stage)], "scope": self._ranges, "until": until}
        with self.database.transaction() as tx:
            return self._at_end.get(stage.name, False) and not tx.execute(query("open_tasks"), given).fetchall()

    def last_change(self) -> int:
        """The place in the log of the last change."""
        with self.database.transaction() as tx:
            return int(tx.execute(query("last_change")).fetchone()["at"])  # type: ignore[index]

    def tend(self) -> None:
        """Now and then: sum up the kept counts, make and drop partitions of the history, drop what is over."""
        with self.database.transaction() as tx:
            tx.execute(query("fold_tallies"))
            tx.execute(query("keep_history"), {"days": self._settings.history_days})
            tx.execute(query("sweep_leases"))
            tx.execute(query("end_priorities"))
            for stage in (stage for stage in PIPELINE if stage.by_host):
                tx.execute(query("forget_hosts"), {"variant": self.variant(stage), "most": HOSTS_AT_ONCE})


def _places(claims: Sequence[Claim]) -> dict[str, list[int]]:
    return {
        "video_ids": [claim.video_id for claim in claims],
        "stretches": [claim.stretch for claim in claims],
        "attempts": [claim.attempt for claim in claims],
    }


def _stretch(item: ClipItem) -> tuple[int, int]:
    """The video and stretch that a clip belongs to."""
    return item.video_id, item.stretch
