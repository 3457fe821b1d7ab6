"""The routes of the Submit tab. Operators submit; everybody may see what became of it (the Status tab's routes)."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Query as Given
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from heaters.errors import HeatersError
from heaters.submit import Submission, submit, submit_all
from ui.context import Context
from ui.guard import refuse
from ui.submit.lines import GIB, MOST_LINES, Line, check, of_manifest
from ui.submit.uploads import Uploads
from ui.users import Operator

Name = Annotated[str, Given(min_length=1, max_length=255)]

LONGEST_MANIFEST = 20 * 2**20


class Body(BaseModel):
    """A request's JSON: exactly these fields, of exactly these kinds."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Lines(Body):
    """Lines as somebody typed them."""

    lines: Annotated[list[str], Field(max_length=MOST_LINES)]


class Manifest(Body):
    """A file that lists sources, as text."""

    name: Annotated[str, Field(max_length=255)]
    text: Annotated[str, Field(max_length=LONGEST_MANIFEST)]


def _told(one: Submission) -> dict[str, Any]:
    """As JSON; an address without what nobody may read."""
    return asdict(one) | {"source": str(one.source)}


def _shown(line: Line) -> dict[str, Any]:
    """A line without what a manifest on the server holds: only how many sources."""
    return {"line": line.line, "ok": line.ok, "says": line.says, "count": len(line.sources), "video": line.video}


def router(context: Context) -> APIRouter:
    """The routes under /api/submit."""
    routes = APIRouter(prefix="/api/submit")
    uploads = Uploads(
        context.settings.uploads_folder, context.database, max_bytes=int(context.settings.max_source_gib * GIB)
    )

    @routes.post("/check")
    def look(wish: Lines, _: Operator) -> dict[str, Any]:
        """What is to be said of each line, before any is accepted."""
        return {"lines": [_shown(line) for line in check(context, wish.lines)]}

    @routes.post("/manifest")
    def manifest(given: Manifest, _: Operator) -> dict[str, Any]:
        """The lines that a manifest from somebody's disk holds."""
        return {"lines": of_manifest(given.name, given.text)}

    @routes.post("/sources")
    def sources(wish: Lines, _: Operator) -> dict[str, Any]:
        """Accept lines: each becomes a video, or is the one it was already, or is refused with a reason."""
        answers: list[dict[str, Any]] = []
        for line in check(context, wish.lines):
            if not line.ok:
                answers.append(_told(Submission(source=line.line, video_id=None, error=line.says)))
                continue
            answers += map(_told, submit_all(context.database, line.sources))
        return {"submissions": answers}

    @routes.put("/files")
    async def upload(request: Request, _: Operator, name: Name) -> Response:
        """Take a file as it comes and submit it."""
        await run_in_threadpool(uploads.sweep)
        size = request.headers.get("content-length")
        try:
            path = await uploads.receive(name, int(size) if size else None, request.stream())
        except ClientDisconnect:
            return refuse(400, "the upload was cut off")  # nobody hears it; nothing is left of the file
        except HeatersError as error:
            return refuse(507 if "disk" in str(error) else 413, str(error))
        found = await run_in_threadpool(submit, context.database, str(path))
        if not found.is_new:  # the bytes are there already, or were refused
            await run_in_threadpool(uploads.forget, path)
        return JSONResponse(asdict(found) | {"source": path.name})

    return routes
