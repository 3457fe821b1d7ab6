"""The application: own routes, and Gradio with the four tabs mounted at the root. One process, one worker."""

from typing import Any

import gradio as gr
import psycopg
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import PydanticSerializationError
from starlette.responses import Response

import ui.query.api
import ui.query.tab
import ui.review.api
import ui.review.tab
import ui.status.api
import ui.status.tab
import ui.submit.api
import ui.submit.tab
from heaters.core.address import redact
from heaters.errors import ConfigError, HeatersError, RuleError, StageError, StoreError, UsageError
from ui import assets, login, media
from ui.context import Context
from ui.guard import Guard, media_origin, refuse
from ui.sessions import Sessions
from ui.shell import tab as shell
from ui.theme import theme
from ui.users import Identity, User, user

TABS = {
    "review": ("Review", ui.review.tab.build),
    "query": ("Query", ui.query.tab.build),
    "status": ("Status", ui.status.tab.build),
    "submit": ("Submit", ui.submit.tab.build),
}

# What an error of ours means to a browser; the first that fits counts.
STATUS_CODES: tuple[tuple[type[HeatersError], int], ...] = (
    (UsageError, 400),
    (RuleError, 409),
    (StoreError, 503),
    (ConfigError, 500),
    (StageError, 502),
    (HeatersError, 500),
)


def create_app(context: Context) -> FastAPI:
    """The whole application on a context. Raises ConfigError where it would be open to strangers by mistake."""
    api = FastAPI(title="Heaters", docs_url=None, redoc_url=None, openapi_url=None)
    sessions = Sessions(context.database)
    identity = Identity(context.accounts, sessions, context.settings)
    api.include_router(login.router(context.accounts, sessions, identity))
    api.include_router(assets.router())
    for part in (media, ui.review.api, ui.query.api, ui.status.api, ui.submit.api):
        api.include_router(part.router(context))
    api.add_api_route("/healthz", _health, methods=["GET"])
    _answer_errors(api)
    gr.mount_gradio_app(
        api,
        blocks(context),
        path="/",
        auth_dependency=_name,
        theme=theme(),
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        favicon_path=str(assets.ROOT / "shell" / "icon.svg"),
    )
    api.add_middleware(Guard, identity=identity, head=shell.head(), media_origin=media_origin(context))
    return api


def blocks(context: Context) -> Any:
    """The page: the header and a tab for each part."""
    with gr.Blocks(title="Heaters", fill_width=True, analytics_enabled=False) as demo:
        shell.build()
        with gr.Tabs(elem_id="tabs", selected="review"):
            for name, (label, build) in TABS.items():
                with gr.Tab(label, id=name, elem_id=f"panel-{name}"):
                    build(context)
    return demo


def _health() -> dict[str, bool]:
    """For load balancers, and for pages that wait until the server is back."""
    return {"ok": True}


def _name(request: Request) -> str | None:
    found: User | None = getattr(request.state, "user", None)
    return found.name if found else None


def _answer_errors(api: FastAPI) -> None:
    """Every error of a route of ours in one shape, with a sentence that a person can read."""

    async def ours(_: Request, error: Exception) -> Response:
        status = next((code for kind, code in STATUS_CODES if isinstance(error, kind)), 500)
        return refuse(status, redact(str(error)))

    async def unfit(_: Request, error: Exception) -> Response:
        """A character, a number or a time that PostgreSQL or JSON cannot hold: NUL, half of a surrogate pair, 10^30."""
        del error
        return refuse(
            400, "a value holds what cannot be stored or looked for (a NUL, a broken character, a huge number)"
        )

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        answer = refuse(error.status_code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(word) for word in first["loc"] if word not in ("body", "query", "path"))
        return refuse(422, f"{place or 'the request'}: {first['msg']}")

    api.add_exception_handler(HeatersError, ours)
    for kind in (psycopg.DataError, UnicodeEncodeError, PydanticSerializationError, RecursionError):
        api.add_exception_handler(kind, unfit)
    api.add_exception_handler(HTTPException, http)
    api.add_exception_handler(RequestValidationError, invalid)


__all__ = ["blocks", "create_app", "user"]
