"""What every request passes: who is it, may it change anything, and what the page may do in the browser.

One layer around the whole application, Gradio's routes included, so that no route can be forgotten.
"""

import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heaters.errors import HeatersError
from ui.users import Identity

if TYPE_CHECKING:
    from ui.context import Context

READING = frozenset({"GET", "HEAD", "OPTIONS"})
# Nobody needs to be signed in to sign in; these show nothing of anybody.
OPEN = re.compile(r"/login|/healthz|/ui/shell/[a-z_]+\.(css|js|svg)|/static/fonts/[A-Za-z]+/[A-Za-z-]+\.woff2")
# Bodies that a form or a picture of another site cannot send without asking first.
BODIES = ("application/json", "application/octet-stream")
# Gradio's routes that we have no use for: files by path, uploads to its own folder, requests to other servers.
CLOSED = re.compile(
    r"/(gradio_api/)?(file=|file/|proxy=|upload|stream/|component_server|custom_component|run-history|runs|vibe|dev/"
    r"|process_recording|pwa_icon|monitoring|deep_link|openapi\.json|info|call/|api/|run/)"
)
# Words of an address by which Gradio looks for pages and states of its own; it fails on those that are not there.
UNUSED = frozenset({"page", "deep_link"})
OWN = re.compile(r"/(api|media|ui)/")
LOOPBACK_HOSTS = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?")


class Guard:
    """ASGI middleware. `head` is HTML to stand in the head of Gradio's page, which itself adds it only once it runs;
    `media_origin` is another origin that videos may come from (an S3 endpoint), or empty.
    """

    def __init__(self, app: ASGIApp, *, identity: Identity, head: str = "", media_origin: str = "") -> None:
        self._app = app
        self._identity = identity
        self._head = head.encode()
        self._media_origin = media_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer for the application."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing of ours speaks anything else
            await send({"type": "websocket.close", "code": 1008, "reason": "no web sockets here"})
            return
        request = Request(scope)
        nonce = secrets.token_urlsafe(16)
        refusal = await self._refusal(request)
        application = refusal if refusal is not None else self._app
        page = _Page(send, nonce, self._headers(nonce), self._head if request.url.path == "/" else b"")
        await application(scope, receive, page.send)

    async def _refusal(self, request: Request) -> Response | None:
        """Why a request goes no further; None when it may."""
        path = request.url.path
        host = self._identity.host(request)
        if self._identity.is_open_to_this_machine and not LOOPBACK_HOSTS.fullmatch(host):
            # Another site's name that was made to point at this machine (DNS rebinding) is not ours.
            return refuse(421, f"this server answers to localhost, not to {host!r}")
        if request.method not in READING and (problem := _foreign(request, host)):
            return refuse(403, problem)
        try:
            request.state.user = await to_thread.run_sync(self._identity.of, request)
        except HeatersError as error:
            return refuse(503, f"who you are cannot be told now: {error}")
        if request.state.user is None and not OPEN.fullmatch(path):
            if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
                wanted = quote(path + (f"?{request.url.query}" if request.url.query else ""))
                return RedirectResponse(f"/login?next={wanted}", status_code=303)
            return refuse(401, "sign in first")
        if path == "/" and not UNUSED.isdisjoint(request.query_params):
            return refuse(404, "there is no such page")
        if CLOSED.match(path) and not OWN.match(path):
            return refuse(404, "there is nothing here")
        return None

    def _headers(self, nonce: str) -> dict[str, str]:
        media = f"'self' blob: {self._media_origin}".strip()
        policy = (
            "default-src 'self'; "
            # Gradio makes functions out of the text of its components; inline scripts run by nonce alone.
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' blob: data:; media-src {media}; connect-src 'self'; font-src 'self' data:; "
            "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
        )
        return {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "x-frame-options": "DENY",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        }


class _Page:
    """Adds the headers; gives the inline scripts of a page of HTML their nonce."""

    def __init__(self, send: Send, nonce: str, headers: dict[str, str], head: bytes) -> None:
        self._send = send
        self._head = head
        self._nonce = nonce
        self._headers = headers
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            if headers.get("content-type", "").startswith("text/html"):
                self._start = message
                return
        if self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = re.sub(rb'<link rel="manifest"[^>]*>', b"", self._body)  # asked for without the cookie
            body = body.replace(b"</head>", self._head + b"</head>", 1)
            body = body.replace(b"<script", f'<script nonce="{self._nonce}"'.encode())
            headers = MutableHeaders(raw=self._start["headers"])
            headers["content-length"] = str(len(body))
            headers["cache-control"] = "no-store"
            await self._send(self._start)
            self._start = None
            message = {"type": "http.response.body", "body": body}
        await self._send(message)


def _foreign(request: Request, host: str) -> str:
    """Why a request that changes something may come from another site's page; empty when it cannot."""
    origin = urlsplit(request.headers.get("origin", ""))
    if not origin.netloc or origin.netloc != host:
        return "a request that changes something must carry this server's own Origin"
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (OWN.match(request.url.path) or request.url.path == "/login") and kind not in BODIES:
        return f"the content type must be {' or '.join(BODIES)}; got {kind or 'none'}"
    return ""


def refuse(status: int, message: str) -> JSONResponse:
    """The one shape of every error of ours."""
    names = {400: "bad_request", 401: "not_signed_in", 403: "forbidden", 404: "not_found", 409: "conflict"}
    return JSONResponse(
        {"error": {"type": names.get(status, "unavailable" if status >= 500 else "refused"), "message": message}},
        status_code=status,
        headers={"cache-control": "no-store"},
    )


def media_origin(context: "Context") -> str:
    """The origin that redirected videos come from, for the policy of the page; empty where all come through us."""
    if context.settings.ui_media != "redirect" or not context.settings.store_location.startswith("s3://"):
        return ""
    parts = urlsplit(context.store.url("origin"))
    return f"{parts.scheme}://{parts.netloc}"
