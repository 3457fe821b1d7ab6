"""What runs inside Serve's HTTP proxy, by RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=deployments.edge:callback.

The proxy's own answers (no replica, queue full, replica died) get the endpoint's error shape, and what a client may
not say to Ray is taken out of its request. Plain ASGI.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import HTTP_PROTOCOLS

from deployments.guard import REQUEST_ID, TIMEOUT, request_id, shorter_seconds
from deployments.limits import Limits
from deployments.problems import INTERNAL, Problem
from heaters.connections import BoundedProtocol

# Headers that steer Serve itself: a timeout of 0 is for ever, a request that nobody cancels, another model or session.
_FOR_SERVE = ("x-request-disconnect-disabled", "serve_multiplexed_model_id", "x-session-id")
_JSON = "application/json"


def callback() -> list[Middleware]:
    """What Serve asks for before it starts a proxy's uvicorn, for whose protocol it has no setting."""
    HTTP_PROTOCOLS["auto"] = f"{BoundedProtocol.__module__}:{BoundedProtocol.__name__}"
    return [Middleware(Edge)]


class Edge:
    """The middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = {**scope, "headers": _harmless(scope)}
        started: Message | None = None  # the proxy's own answer, held back until its text is there
        begun = False

        async def shaped(message: Message) -> None:
            nonlocal started, begun
            begun = True
            if message["type"] == "http.response.start" and _is_proxy_s(message):
                started = message
                return
            if started is not None:
                response = _problem(started).response()
                response.headers[REQUEST_ID] = Headers(raw=started["headers"]).get(REQUEST_ID, "")
                started = None
                await response(scope, receive, send)
                return
            await send(message)

        await self._app(scope, receive, shaped)
        if not begun:  # so the proxy ends when the replica died: without a word
            await Problem(500, INTERNAL).response()(scope, receive, send)


def _harmless(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The request's headers without those for Serve, with a request id that is one."""
    headers = MutableHeaders(raw=[(key.lower(), value) for key, value in scope["headers"]])
    given, seconds = headers.get(REQUEST_ID), headers.get(TIMEOUT)
    for name in (*_FOR_SERVE, TIMEOUT):
        for spelling in {name, name.replace("-", "_"), name.replace("_", "-")}:
            del headers[spelling]
    headers[REQUEST_ID] = request_id(given)
    if seconds is not None and (shorter := shorter_seconds(seconds, Limits().request_seconds)) is not None:
        headers[TIMEOUT] = f"{shorter:g}"
    # Serve decodes names and values as UTF-8, and fails on others.
    return [(k, v.decode("latin-1").encode("ascii", "ignore")) for k, v in headers.raw if k.isascii()]


def _is_proxy_s(message: Message) -> bool:
    """Whether an answer is not the application's: its refusals are always JSON of our shape."""
    kind = Headers(raw=message["headers"]).get("content-type", "")
    return message["status"] >= 400 and not kind.startswith(_JSON)


def _problem(started: Message) -> Problem:
    status = started["status"]
    again = Headers(raw=started["headers"]).get("retry-after", "1")
    if status in (429, 503):
        return Problem(status, "no replica has room; come back soon", retry_after_seconds=int(again))
    if status == 408:
        return Problem(504, "the request took longer than it may", retry_after_seconds=1)
    if status == 404:
        return Problem(404, "there is nothing here")
    return Problem(status, INTERNAL if status >= 500 else "refused")
