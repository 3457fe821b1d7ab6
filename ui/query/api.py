"""The routes of the Query tab. Its address is the query: the same words stand in the page's and in the request's."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi import Query as Given
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from heaters.core.facts import parsed
from heaters.errors import UsageError
from heaters.search import Filters
from heaters.store.queries import query
from ui.context import Context
from ui.media import FOREVER, is_known
from ui.query.browse import SORTS
from ui.query.listing import PAGE_SIZE, Asked, answer, terms_of
from ui.query.pictures import MAX_UPLOAD_BYTES, Pictures
from ui.users import CurrentUser

MOST_VIDEOS = 200
MOST_CLIPS = 999
MOST_LOOKED_AT = 20_000

Id = Annotated[int, Given(gt=0, lt=2**63)]
Ids = Annotated[list[Id], Given(max_length=100)]
Words = Annotated[list[str], Given(max_length=8)]
Seconds = Annotated[float | None, Given(ge=0, le=1e9)]
Bounds = Annotated[str, Given(max_length=500)]


def router(context: Context) -> APIRouter:
    """The routes under /api/query, and the pictures that people search with."""
    routes = APIRouter()
    pictures = Pictures(context.settings.home / "query-pictures")

    @routes.get("/api/query/clips")
    def clips(
        _: CurrentUser,
        q: Annotated[str, Given(max_length=2000)] = "",
        away: Annotated[str, Given(max_length=2000)] = "",
        clip: Words = [],  # noqa: B006  pydantic copies it
        image: Words = [],  # noqa: B006
        video: Ids = [],  # noqa: B006
        state: Words = [],  # noqa: B006
        shortest: Seconds = None,
        longest: Seconds = None,
        where: Bounds = "",
        sort: str = SORTS[0],
        seed: int = 0,
        page: int = 1,
        count: int = PAGE_SIZE,
        cursor: Annotated[str, Given(max_length=32768)] = "",
    ) -> dict[str, Any]:
        """A page of clips: those nearest to the terms, or without any all that pass the filters.

        An answer with fewer than `count` clips that is not full goes on at its `next`.
        """
        filters = filters_of(video, state, shortest, longest, where)
        terms = terms_of(pictures, q, away, clip, image)
        asked = Asked(terms=terms, filters=filters, sort=sort, seed=seed, page=page, cursor=cursor, count=count)
        return answer(context, asked)

    @routes.get("/api/query/random")
    def random(
        _: CurrentUser,
        video: Ids = [],  # noqa: B006
        state: Words = [],  # noqa: B006
        shortest: Seconds = None,
        longest: Seconds = None,
        where: Bounds = "",
    ) -> dict[str, Any]:
        """The number of a searchable clip, picked by chance among those that pass the filters."""
        hit = context.search.random_clip(filters_of(video, state, shortest, longest, where))
        if hit is None:
            raise UsageError("there is no clip to start from: none that is searchable passes the filters")
        return {"clip": hit.clip_id}

    @routes.get("/api/query/videos")
    def videos(_: CurrentUser, words: Annotated[str, Given(max_length=200)] = "") -> dict[str, Any]:
        """Videos to filter by, the latest first, each with the number of its clips up to MOST_CLIPS."""
        given = {"words": words, "before": None, "look": MOST_LOOKED_AT, "limit": MOST_VIDEOS, "most": MOST_CLIPS}
        with context.database.transaction() as tx:
            rows = tx.execute(query("videos_by_words"), given).fetchall()
        listed = [{"id": r["id"], "title": r["title"] or str(r["source"]), "clips": r["clips"]} for r in rows]
        return {"videos": listed, "most_clips": MOST_CLIPS}

    _add_pictures(routes, pictures)
    return routes


def _add_pictures(routes: APIRouter, pictures: Pictures) -> None:
    """Pictures to search with: sent once, then known by name."""

    @routes.post("/api/query/images")
    async def keep(request: Request, _: CurrentUser) -> dict[str, Any]:
        """Keep a dropped picture to search with; returns its name."""
        data = await limited(request, MAX_UPLOAD_BYTES)
        return {"image": await run_in_threadpool(pictures.keep, data)}

    @routes.api_route("/media/pictures/{name}", methods=["GET", "HEAD"])
    def picture(name: str, request: Request, _: CurrentUser) -> Response:
        """A picture that somebody searched with."""
        try:
            path = pictures.path(name)
        except UsageError as error:
            raise HTTPException(404, str(error)) from error
        headers = {"etag": f'"{name}"', "cache-control": FOREVER}
        if is_known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        return FileResponse(path, media_type="image/jpeg", headers=headers)


def filters_of(
    videos: list[int], states: list[str], shortest: float | None, longest: float | None, where: str
) -> Filters:
    """The filters of an address. `where` holds bounds on facts, commas between: `motion>=0.02, letterbox=0`."""
    return Filters(
        videos=tuple(videos) or None,
        states=tuple(states) or None,
        min_seconds=shortest,
        max_seconds=longest,
        facts=parsed(text for text in where.split(",") if text.strip()),
    )


async def limited(request: Request, most_bytes: int) -> bytes:
    """The body of a request. Raises 413 as soon as it is longer than it may be."""
    if int(request.headers.get("content-length") or 0) > most_bytes:
        raise HTTPException(413, f"at most {most_bytes:,} bytes")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most_bytes:
            raise HTTPException(413, f"at most {most_bytes:,} bytes")
    return bytes(data)
