"""The routes of the Status tab."""

from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from fastapi import Query as Given
from pydantic import BaseModel, ConfigDict, Field

from heaters.core.pipeline import STAGES, Subject
from heaters.errors import UsageError
from heaters.store.queries import query
from heaters.store.withdrawals import LONGEST_REASON, Withdrawals
from heaters.withdraw import clear
from ui.context import Context
from ui.status.board import Board, shown_rows
from ui.status.kinds import variants_of
from ui.status.video import PAGE_SIZE, runs_of, video
from ui.users import CurrentUser, Operator

# A search for words looks through so many videos for one answer, and clips of a video are counted no further.
MOST_LOOKED_AT = 20_000
MOST_CLIPS = 500

Id = Annotated[int, Field(gt=0, lt=2**63)]
Before = Annotated[int | None, Given(gt=0, lt=2**63)]


class Retry(BaseModel):
    """What to try again: some failures, or all of a stage, of a kind of error, of some videos."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ids: Annotated[list[Id], Field(max_length=1000)] | None = None
    stage: str | None = None
    error_type: Annotated[str, Field(max_length=200)] | None = None
    videos: Annotated[list[Id], Field(max_length=1000)] | None = None


class Withdrawal(BaseModel):
    """Why a video goes; told to whoever submits it again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""


def router(context: Context) -> APIRouter:
    """The routes under /api/status."""
    routes = APIRouter(prefix="/api/status")
    reader = Board(context)

    @routes.get("/waiting")
    def waiting(_: CurrentUser) -> dict[str, int]:
        """How many clips wait for a reviewer."""
        return {"clips": reader.waiting()}

    @routes.get("/board")
    def stages(_: CurrentUser) -> dict[str, Any]:
        """The pipeline with its counts, failures by kind, drivers, caches, disks."""
        return reader.stages()

    @routes.get("/plots")
    def plots(_: CurrentUser) -> dict[str, Any]:
        """The figures that are drawn."""
        return reader.plots()

    @routes.get("/failures")
    def failures(
        _: CurrentUser,
        stage: str,
        dead: bool,
        error_type: Annotated[str, Given(max_length=200)],
        before: Before = None,
    ) -> dict[str, Any]:
        """The open failures of one kind, the latest first."""
        given = {"error_type": error_type, "dead": dead, "before": before, "limit": PAGE_SIZE}
        with context.database.transaction() as tx:
            given["variants"] = variants_of(tx, stage)
            return {"failures": shown_rows(tx.execute(query("failures_of_kind"), given).fetchall())}

    @routes.post("/retry")
    def retry(wish: Retry, _: Operator) -> dict[str, Any]:
        """Make what failed or gave up due again, with all its attempts."""
        if wish.stage is not None and wish.stage not in STAGES:
            raise UsageError(f"a stage is one of {', '.join(STAGES)}; got {wish.stage!r}")
        with context.database.transaction() as tx:
            rows = tx.execute(query("retry"), wish.model_dump()).fetchall()
        return {"items": len(rows)}

    _add_videos(routes, context)
    return routes


def _add_videos(routes: APIRouter, context: Context) -> None:
    """Lists of videos, and the page of one."""

    @routes.get("/videos")
    def videos(
        _: CurrentUser,
        words: Annotated[str, Given(max_length=200)] = "",
        ids: Annotated[list[Id], Given(max_length=200)] = [],  # noqa: B006  pydantic copies it
        before: Before = None,
    ) -> dict[str, Any]:
        """Videos, the latest first, with how far each is. `next`: below which number there are more."""
        given = {"ids": ids or None, "words": words, "before": before, "limit": max(PAGE_SIZE, len(ids))}
        given |= {"look": MOST_LOOKED_AT, "most": MOST_CLIPS}
        with context.database.transaction() as tx:
            rows = tx.execute(query("videos_page"), given).fetchall()
            end = None if ids or len(rows) == PAGE_SIZE else tx.execute(query("videos_looked_at"), given).fetchone()
        last = rows[-1] if len(rows) == PAGE_SIZE and not ids else end
        return {"videos": shown_rows(rows), "most_clips": MOST_CLIPS, "next": last["id"] if last else None}

    @routes.get("/videos/{number}")
    def one(number: int, _: CurrentUser) -> dict[str, Any]:
        """One video from its source to its vectors."""
        try:
            return video(context, number if 0 < number < 2**63 else 0)
        except UsageError as error:
            raise HTTPException(404, str(error)) from error

    @routes.post("/videos/{number}/withdraw")
    def withdraw(number: Id, wish: Withdrawal, person: Operator) -> dict[str, Any]:
        """Take a video out with all that was made of it, for good. A driver in the middle of it clears up itself."""
        withdrawals = Withdrawals(context.database, context.store)
        named = withdrawals.named([str(number)])
        if not named.videos:
            raise HTTPException(404, f"there is no video {number}")
        taken = list(withdrawals.withdraw(named.videos, by=person.name, reason=wish.reason))
        return clear(context.settings, context.database, withdrawals, [*chain.from_iterable(taken)]).plain()

    @routes.get("/videos/{number}/runs")
    def runs(number: Id, _: CurrentUser, before: Before = None) -> dict[str, Any]:
        """The attempts at a video's clips, the latest first."""
        with context.database.transaction() as tx:
            return {"runs": runs_of(tx, number, Subject.CLIP, before)}
