"""What stands around every route: request id, key, room, size and time; then log line, figures and error shape.

Plain ASGI. It knows no route and no model.
"""

import asyncio
import logging
import re
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.keys import Keys
from deployments.limits import Limits
from deployments.metrics import Metrics
from deployments.problems import Problem, problem_of

# Asked by load balancers, which have no key and must get an answer however busy we are.
OPEN_PATHS = frozenset({"/healthz", "/readyz"})
# Documentation and figures need a key, but neither wait nor count.
UNCOUNTED_PATHS = OPEN_PATHS | {"/metrics", "/openapi.json", "/docs", "/redoc"}
REQUEST_ID = "x-request-id"
TIMEOUT = "x-request-timeout-seconds"  # Ray Serve's own header; there 0 or less means for ever
LOOPBACK_HOSTS = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?", re.IGNORECASE)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_GOOD_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(slots=True, kw_only=True)
class _Visit:
    """One request on its way through."""

    id: str
    started: float
    status: int = 0
    begun: bool = False
    body_read: bool = False
    key: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    failure: BaseException | None = None
    notes: dict[str, Any] = field(default_factory=dict)  # what a route has to say for the log


class Guard:
    """The middleware. `says_id`: the answer carries the request id (Serve's proxy adds it itself)."""

    def __init__(
        self, app: ASGIApp, *, limits: Limits, keys: Keys, metrics: Metrics, log: logging.Logger, says_id: bool = True
    ) -> None:
        self._app = app
        self._limits = limits
        self._keys = keys
        self._metrics = metrics
        self._log = log
        self._says_id = says_id
        self._in_flight: Counter[str] = Counter()
        self._total = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        visit = _Visit(id=request_id(headers.get(REQUEST_ID)), started=time.perf_counter())
        scope["heaters"] = visit.notes

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.begun, visit.status = True, message["status"]
                if self._says_id:
                    MutableHeaders(scope=message)[REQUEST_ID] = visit.id
            elif message["type"] == "http.response.body":
                visit.bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            most = self._limits.request_seconds
            async with asyncio.timeout(shorter_seconds(headers.get(TIMEOUT), most) or most):
                await self._admitted(scope, headers, receive, answered, visit)
        except Exception as error:
            visit.failure = error
            if not visit.begun:
                problem = self._late(visit) if isinstance(error, TimeoutError) else problem_of(error)
                visit.notes["code"] = problem.code
                await problem.response()(scope, receive, answered)
        except BaseException as error:  # the client has left: Serve cancels what it asked for
            visit.failure = error
            raise
        finally:
            self._report(scope, visit)

    async def _admitted(self, scope: Scope, headers: Headers, receive: Receive, send: Send, visit: _Visit) -> None:
        path = scope["path"]
        if path not in OPEN_PATHS:
            if not self._keys and not LOOPBACK_HOSTS.fullmatch(headers.get("host", "")):
                # A page of another site whose name was made to point here (DNS rebinding) has no key to show.
                raise Problem(421, "without keys this endpoint answers to localhost alone", code="misdirected_request")
            visit.key = self._keys.holder(headers.get("authorization"))
        if path in UNCOUNTED_PATHS:
            await self._app(scope, receive, send)
            return
        self._make_room(visit.key)
        try:
            body = await self._read(scope, headers, receive, visit)
            await self._app(scope, _replay(body, receive), send)
        finally:
            self._total -= 1
            self._in_flight[visit.key] -= 1
            if not self._in_flight[visit.key]:
                del self._in_flight[visit.key]
            self._metrics.working_on(self._total)

    def _make_room(self, key: str) -> None:
        wait = self._limits.retry_after_seconds
        if self._total >= self._limits.in_flight:
            raise Problem(503, "all places are taken; come back soon", retry_after_seconds=wait)
        if self._keys and self._in_flight[key] >= self._limits.in_flight_per_key:
            raise Problem(429, "this key has too many requests in work", retry_after_seconds=wait)
        self._total += 1
        self._in_flight[key] += 1
        self._metrics.working_on(self._total)

    async def _read(self, scope: Scope, headers: Headers, receive: Receive, visit: _Visit) -> bytes:
        """The body, never more than the limit of it in memory, whatever its headers say."""
        most = self._limits.body_bytes
        if scope["method"] in ("POST", "PUT", "PATCH") and headers.get("content-encoding", "identity") != "identity":
            raise Problem(415, "the body must not be compressed")
        claimed = headers.get("content-length", "")
        if claimed.isdecimal() and int(claimed[:20]) > most:
            raise Problem(413, f"a body may have {most} bytes; this one has {claimed[:20]}")
        parts = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Problem(408, "the client left before its body was there")
            parts.append(message.get("body", b""))
            visit.bytes_in += len(parts[-1])
            if visit.bytes_in > most:
                raise Problem(413, f"a body may have {most} bytes; this one has more")
            if not message.get("more_body", False):
                visit.body_read = True
                return b"".join(parts)

    def _late(self, visit: _Visit) -> Problem:
        if not visit.body_read:
            return Problem(408, "the body did not arrive in time")
        return Problem(504, "the request took longer than it may", retry_after_seconds=self._limits.retry_after_seconds)

    def _report(self, scope: Scope, visit: _Visit) -> None:
        seconds = time.perf_counter() - visit.started
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        left = isinstance(visit.failure, asyncio.CancelledError)
        status = 499 if left else visit.status
        self._metrics.answered(route=route, method=method, status=status, seconds=seconds)
        fields = {
            "request_id": visit.id,
            "method": method,
            "route": route,
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
            "bytes_in": visit.bytes_in,
            "bytes_out": visit.bytes_out,
            "key": visit.key,
            **visit.notes,
        }
        # A trace is for what we did not expect; refusals are everyday.
        failed = status >= 500 and visit.failure is not None and not isinstance(visit.failure, Problem | TimeoutError)
        level = logging.ERROR if status >= 500 and status != 503 else logging.INFO
        self._log.log(level, "request", extra={"fields": fields}, exc_info=visit.failure if failed else None)


def request_id(given: str | None) -> str:
    """The client's own id where it is a harmless one, else a new one."""
    return given if given and _GOOD_ID.fullmatch(given) else uuid.uuid4().hex


def shorter_seconds(asked: str | None, most: float) -> float | None:
    """What a client asks for, where it is a time below `most`; None: nothing that it may have."""
    try:
        seconds = float(asked or 0)
    except ValueError:
        return None
    return seconds if 0 < seconds < most else None


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that has been read already."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
