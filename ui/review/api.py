"""The routes of the Review tab. Nothing here waits for a picture; every answer is a few rows."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from heaters.core.review import RULES
from heaters.core.states import ReviewAction
from heaters.errors import RuleError
from heaters.store.leases import MOST_AT_ONCE, RENEW_SECONDS, Leases
from heaters.store.proxies import watch
from heaters.store.queries import query
from heaters.store.review import Reviews
from heaters.store.tracks import Tracks
from ui.context import Context
from ui.review.about import About
from ui.review.cards import Cards, proxy_address
from ui.review.desk import Desk
from ui.users import CurrentUser

Id = Annotated[int, Field(gt=0, lt=2**63)]
Frame = Annotated[int, Field(gt=-(2**31), lt=2**31)]
Key = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
Ids = Annotated[list[Id], Field(max_length=500)]


class Body(BaseModel):
    """A request's JSON: exactly these fields, of exactly these kinds."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Scope(Body):
    """Which queue: some videos or all, in play order or the least confident cuts first."""

    videos: Annotated[list[Id], Field(max_length=100)] | None = None
    uncertain: bool = False


class Opening(Scope):
    """What a page asks first: maybe with the clip of a deep link."""

    n: Annotated[int, Field(ge=0, le=MOST_AT_ONCE)] = 6
    have: Ids = []
    clip: Id | None = None


class Wish(Scope):
    """More clips besides those the page has."""

    n: Annotated[int, Field(ge=0, le=MOST_AT_ONCE)]
    have: Ids = []


class Doing(Body):
    """An act. `frame` counts from the clip's first frame; for a move it may be negative."""

    key: Key
    clip: Id
    version: Annotated[int, Field(ge=1, lt=2**31)]
    action: str
    frame: Frame | None = None


class Keyed(Body):
    """Undo or redo."""

    key: Key


class Held(Body):
    """Clips in hand."""

    ids: Ids
    later: bool = False


def router(context: Context) -> APIRouter:
    """The routes under /api/review."""
    routes = APIRouter(prefix="/api/review")
    tracks = Tracks(context.store)
    leases = Leases(context.database)
    reviews = Reviews(context.database, tracks, lease_seconds=leases.lease_seconds)
    desk = Desk(context.database, reviews, leases, Cards(context.database, tracks))
    _add_queue(routes, desk, leases)
    _add_acts(routes, desk)
    _add_looks(routes, desk, About(context.database, context.search))
    _add_proxies(routes, context)
    return routes


def _add_queue(routes: APIRouter, desk: Desk, leases: Leases) -> None:
    """What a reviewer has in hand."""

    @routes.post("/open")
    def open_(body: Opening, user: CurrentUser) -> dict[str, Any]:
        """Everything a page needs at its start: clips in hand, counts, one's last acts, the pace."""
        clip = desk.one(user.name, body.clip) if body.clip else None
        have = [*body.have, *([clip["id"]] if clip else [])]
        hand = leases.take(user.name, body.n, have=have, videos=body.videos, uncertain_first=body.uncertain)
        return {
            "me": user.name,
            "asked": clip,
            "clips": desk.cards(hand.ids, user.name),
            "counts": asdict(hand.counts),
            "videos": desk.videos(body.videos),
            "renew_seconds": RENEW_SECONDS,
            **desk.past(user.name),
        }

    @routes.post("/lease")
    def lease(body: Wish, user: CurrentUser) -> dict[str, Any]:
        """The next clips of the queue, and its counts."""
        hand = leases.take(user.name, body.n, have=body.have, videos=body.videos, uncertain_first=body.uncertain)
        return {"clips": desk.cards(hand.ids, user.name), "counts": asdict(hand.counts)}

    @routes.post("/renew")
    def renew(body: Held, user: CurrentUser) -> dict[str, Any]:
        """Keep clips in hand; says which of them are lost, and to whom."""
        return desk.renew(user.name, body.ids)

    @routes.post("/release")
    def release(body: Held, user: CurrentUser) -> dict[str, Any]:
        """Give clips back to the queue."""
        return {"released": leases.release(user.name, body.ids, later=body.later)}


def _add_acts(routes: APIRouter, desk: Desk) -> None:
    """What a reviewer does."""

    @routes.post("/act")
    def act(body: Doing, user: CurrentUser) -> Response:
        """Carry one act out. The same key gives the same answer; 409 says what has become of the clip."""
        action = next((a for a in RULES if a == body.action), None)
        if action is None:
            raise HTTPException(422, f"action: must be an act on a clip; got {body.action!r}")
        try:
            return JSONResponse(desk.act(user.name, body.key, action, body.clip, body.version, body.frame))
        except RuleError as error:
            return JSONResponse(desk.conflict(user.name, body.clip, str(error)), status_code=409)

    @routes.post("/undo")
    def undo(body: Keyed, user: CurrentUser) -> dict[str, Any]:
        """Take the reviewer's last act back."""
        return desk.reverse(user.name, body.key, ReviewAction.UNDO)

    @routes.post("/redo")
    def redo(body: Keyed, user: CurrentUser) -> dict[str, Any]:
        """Do again what was taken back last."""
        return desk.reverse(user.name, body.key, ReviewAction.REDO)


def _add_looks(routes: APIRouter, desk: Desk, about: About) -> None:
    """What a reviewer looks at."""

    @routes.post("/past")
    def past(body: Body, user: CurrentUser) -> dict[str, Any]:
        """Who one is, one's last acts and the pace."""
        del body
        return {"me": user.name, **desk.past(user.name)}

    @routes.post("/clips/{clip_id}")
    def clip(clip_id: Id, body: Body, user: CurrentUser) -> dict[str, Any]:
        """One clip, taken in hand if it waits and nobody has it."""
        del body
        card = desk.one(user.name, clip_id)
        if card is None:
            raise HTTPException(404, f"there is no clip {clip_id}")
        return {"clip": card}

    @routes.get("/clips/{clip_id}/about")
    def known(clip_id: Id, _: CurrentUser) -> dict[str, Any]:
        """What was measured of a clip, and the decided clips that are most like it."""
        return about.of(clip_id)

    @routes.get("/videos")
    def videos(_: CurrentUser) -> dict[str, Any]:
        """The videos that one may review alone, with how much waits in each."""
        return {"videos": desk.videos(None)}


def _add_proxies(routes: APIRouter, context: Context) -> None:
    """Videos that were prepared without a review proxy."""

    @routes.post("/videos/{video_id}/proxy")
    def proxy(video_id: Id, body: Body, _: CurrentUser) -> dict[str, Any]:
        """Where the proxy of a video is. While it has none one is being made, ahead of other work, by whoever runs."""
        del body
        with context.database.transaction() as tx:
            row = tx.execute(query("video_pictures"), {"id": video_id}).fetchone()
        if row is None:
            raise HTTPException(404, f"there is no video {video_id}")
        if row["proxy_key"] is None:
            watch(context.database, video_id)
        return {"proxy": proxy_address(video_id, row["proxy_key"])}
