"""What is seen and heard: proxies and masters by byte range, exported clips, posters and sprites, all by number.

No path comes from the client: a number is looked up, its key checked by the store that owns it.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse

from heaters.core import keys
from heaters.store.queries import query
from ui.context import Context
from ui.ranges import Part, parse_range
from ui.stills import Film, Shot
from ui.users import CurrentUser

# A key says what its object holds, so an answer to an address with the key's mark in it never changes.
FOREVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"
REDIRECT_SECONDS = 3600


def mark(key: str) -> str:
    """The short word for a key that addresses carry as `?v=`."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def router(context: Context) -> APIRouter:
    """The routes under /media."""
    routes = APIRouter(prefix="/media")

    @routes.api_route("/videos/{video_id}/proxy", methods=["GET", "HEAD"])
    def proxy(video_id: int, request: Request, _: CurrentUser) -> Response:
        """The review proxy of a video, whole or in ranges."""
        row = _row(context, "video_pictures", video_id, "video")
        return _object(context, request, _made(row["proxy_key"], f"video {video_id} has no proxy yet"), "video/mp4")

    @routes.api_route("/videos/{video_id}/master", methods=["GET", "HEAD"])
    def master(video_id: int, request: Request, _: CurrentUser) -> Response:
        """The master of a video that browsers play as it is, whole or in ranges: it stands in for a proxy."""
        row = _row(context, "video_pictures", video_id, "video")
        key = row["source_key"] if row["is_playable"] else None
        media_type = "video/mp4" if (row["container"] or "").startswith("mov,") else "video/webm"
        return _object(context, request, _made(key, f"no browser plays the master of video {video_id}"), media_type)

    @routes.api_route("/clips/{clip_id}/export", methods=["GET", "HEAD"])
    def export(clip_id: int, request: Request, _: CurrentUser) -> Response:
        """The exported file of a clip, to be saved."""
        row = _row(context, "clip_file", clip_id, "clip")
        profile = _made(row["profile"], f"clip {clip_id} is not exported yet")
        span = (row["content_hash"], row["start_frame"], row["end_frame"])
        key = keys.clip_export(*span, profile, row["params"])
        return _object(context, request, key, "video/mp4", filename=f"clip-{clip_id}.mp4")

    @routes.api_route("/clips/{clip_id}/poster", methods=["GET", "HEAD"])
    def poster(clip_id: int, request: Request, _: CurrentUser) -> Response:
        """The middle frame of a clip as JPEG."""
        return _still(request, context.stills.poster(_shot(context, clip_id)))

    @routes.api_route("/clips/{clip_id}/sprite", methods=["GET", "HEAD"])
    def sprite(clip_id: int, request: Request, _: CurrentUser) -> Response:
        """Frames of a clip in a row, as JPEG."""
        return _still(request, context.stills.sprite(_shot(context, clip_id)))

    @routes.api_route("/videos/{video_id}/frames/{frame}", methods=["GET", "HEAD"])
    def still(video_id: int, frame: int, request: Request, _: CurrentUser) -> Response:
        """One frame of a video as JPEG; while it has no proxy, the sampled frame that is nearest."""
        row = _row(context, "video_pictures", video_id, "video")
        _made(row["proxy_key"] or row["sample_key"], f"video {video_id} has no pictures yet")
        if not 0 <= frame < row["frame_count"]:
            raise HTTPException(404, f"frames of video {video_id} are [0, {row['frame_count']}); got {frame}")
        path = context.stills.frame(_film(row), frame, row["frame_count"])
        return _still(request, path, is_exact=row["proxy_key"] is not None)

    return routes


def _row(context: Context, name: str, number: int, kind: str) -> dict[str, Any]:
    if not 0 < number < 2**63:
        raise HTTPException(404, f"there is no {kind} {number}")
    with context.database.transaction() as tx:
        row = tx.execute(query(name), {"id": number}).fetchone()
    if row is None:
        raise HTTPException(404, f"there is no {kind} {number}")
    return row


def _made(key: str | None, otherwise: str) -> str:
    if not key:
        raise HTTPException(404, otherwise)
    return key


def _shot(context: Context, clip_id: int) -> Shot:
    row = _row(context, "clip_pictures", clip_id, "clip")
    _made(row["proxy_key"] or row["sample_key"], f"clip {clip_id} has no pictures yet")
    return Shot(film=_film(row), start_frame=row["start_frame"], end_frame=row["end_frame"])


def _film(row: dict[str, Any]) -> Film:
    return Film(content_hash=row["content_hash"], sample_key=row["sample_key"], proxy_key=row["proxy_key"])


def _still(request: Request, path: Path, *, is_exact: bool = True) -> Response:
    etag = f'"{path.stem[:32]}"'
    # What a clip's bounds are is fixed with its number, and so are its stills.
    headers = {"etag": etag, "cache-control": FOREVER if is_exact else ASK_AGAIN}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type="image/jpeg", headers=headers)


def is_known(request: Request, etag: str) -> bool:
    """Whether the browser has this version already."""
    given = request.headers.get("if-none-match", "")
    return given == "*" or etag in [tag.strip().removeprefix("W/") for tag in given.split(",")]


def _object(context: Context, request: Request, key: str, media_type: str, *, filename: str = "") -> Response:
    """An object of the store, whichever store it is."""
    etag = f'"{mark(key)}"'
    is_marked = request.query_params.get("v") == mark(key)
    headers = {"etag": etag, "cache-control": FOREVER if is_marked else ASK_AGAIN, "accept-ranges": "bytes"}
    if filename:
        headers["content-disposition"] = f'attachment; filename="{filename}"'
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    path = context.store.local_path(key)
    if path is not None:
        if not path.is_file():
            raise HTTPException(404, f"{key} is not in the store")
        return FileResponse(path, media_type=media_type, headers=headers)
    if context.settings.ui_media == "redirect":
        url = context.store.url(key, expires_seconds=REDIRECT_SECONDS)
        return RedirectResponse(url, status_code=307, headers={"cache-control": "private, max-age=600"})
    return _relayed(context, request, key, media_type, headers)


def _relayed(context: Context, request: Request, key: str, media_type: str, headers: dict[str, str]) -> Response:
    """An object of another machine, handed on as it comes: nothing is kept here."""
    there = context.store.stat(key)
    if there is None:
        raise HTTPException(404, f"{key} is not in the store")
    asked = request.headers.get("range", "")
    if asked and request.headers.get("if-range", headers["etag"]) != headers["etag"]:
        asked = ""
    part = parse_range(asked, there.size_bytes)
    if part is None:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{there.size_bytes}"})
    headers["content-length"] = str(part.length)
    if part.is_partial:
        headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{there.size_bytes}"
    body: Iterator[bytes] = iter(()) if request.method == "HEAD" else _chunks(context, key, part)
    return StreamingResponse(body, status_code=206 if part.is_partial else 200, headers=headers, media_type=media_type)


def _chunks(context: Context, key: str, part: Part) -> Iterator[bytes]:
    yield from context.store.stream(key, part.start, part.stop)
