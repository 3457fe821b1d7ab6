"""The stylesheets and scripts of the tabs. Only files that were there at the start are served, by their exact names."""

from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import FileResponse, Response

from ui.media import is_known

ROOT = Path(__file__).parent
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def files() -> Mapping[str, Path]:
    """Address below /ui/ → file."""
    return {
        path.relative_to(ROOT).as_posix(): path
        for path in sorted(ROOT.rglob("*"))
        if path.suffix in KINDS and path.is_file()
    }


def text(name: str) -> str:
    """A file of the package, such as a tab's HTML."""
    return (ROOT / name).read_text(encoding="utf-8")


def router() -> APIRouter:
    """The routes under /ui. They hold nobody's data; the guard lets anybody have those that the login page needs."""
    routes = APIRouter(prefix="/ui")
    known = files()

    @routes.api_route("/{name:path}", methods=["GET", "HEAD"])
    def asset(name: str, request: Request) -> Response:
        """A stylesheet, script or picture."""
        path = known.get(name)
        if path is None:
            raise HTTPException(404, "there is nothing here")
        facts = path.stat()
        etag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
        headers = {"etag": etag, "cache-control": "no-cache"}
        if is_known(request, etag):
            return Response(status_code=304, headers=headers)
        return FileResponse(path, media_type=f"{KINDS[path.suffix]}; charset=utf-8", headers=headers)

    return routes
