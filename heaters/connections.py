"""A protocol of uvicorn, on httptools, that bounds requests while they come in; uvicorn itself has no such bounds.

The UI and Serve's proxies use it. The request line with its headers, and trailers, are bounded in bytes and in time; a
body may not stand still; connections without a whole head are bounded in number.
"""

import asyncio
from collections import Counter
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MOST_HEAD_BYTES = 64 * 2**10  # of all headers together; cookies and proxies need 8 KiB at most
# Data is parsed in pieces of this size. The parser does not tell where in a piece a head begins, so that piece is not
# counted: a head may be longer than its bound by one piece.
PIECE_BYTES = 16 * 2**10
HEAD_SECONDS = 10.0  # from the connection, or from a request's first byte, to the end of its headers
BODY_SECONDS = 30.0  # between two parts of a body
# Connections that wait for a head, idle ones that are kept alive included: below 1,024 files of a process by far.
MOST_WAITING = 512


class BoundedProtocol(HttpToolsProtocol):
    """The protocol of one connection, as asyncio and the parser call it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Connections of this server that have no whole head, the oldest first.
        self._waiting: dict[BoundedProtocol, None] = self.server_state.__dict__.setdefault("without_head", {})
        self._head_bytes = 0  # of headers that are whole
        self._raw_bytes = 0  # that came since the request began, whole headers or not
        self._has_begun = False  # the request began with the data at hand
        self._is_in_body = False  # also where the answer is there already, and the body is read to its end
        self._timer: asyncio.TimerHandle | None = None
        self._is_refused = self._is_upgraded = False

    # ------------------------------------------------------------------------------------ asyncio's callbacks

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Asyncio's callback."""
        super().connection_made(transport)
        self._wait()
        self._arm(HEAD_SECONDS, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's callback."""
        self._disarm()
        self._waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Asyncio's callback. What comes after a refusal is dropped."""
        for at in range(0, len(data), PIECE_BYTES):
            if self._is_refused or self._is_upgraded:
                return
            self._has_begun = False
            piece = data[at : at + PIECE_BYTES]
            super().data_received(piece)
            if self in self._waiting and not self._has_begun and not self._is_in_body:
                self._raw_bytes += len(piece)
                if self._raw_bytes > MOST_HEAD_BYTES:
                    self._refuse(431)

    def handle_websocket_upgrade(self) -> None:
        """Uvicorn's: another protocol takes the connection over."""
        self._is_upgraded = True
        self._disarm()
        super().handle_websocket_upgrade()

    # ------------------------------------------------------------------------------------ the parser's callbacks

    def on_message_begin(self) -> None:
        """The parser's callback: a request's first byte is there."""
        super().on_message_begin()
        self._has_begun = True
        self._head_bytes = self._raw_bytes = 0
        self._wait()
        self._arm(HEAD_SECONDS, self._head_is_late)

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's callback; also for trailers, which come after the body."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MOST_HEAD_BYTES:
            self._refuse(431)
        if not self._is_refused:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The parser's callback: the request begins."""
        self._disarm()
        self._waiting.pop(self, None)
        self._is_in_body = True
        if self._is_refused:
            return
        super().on_headers_complete()
        self._arm(BODY_SECONDS, self._body_is_late)

    def on_body(self, body: bytes) -> None:
        """The parser's callback."""
        if not self._is_refused:
            self._arm(BODY_SECONDS, self._body_is_late)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The parser's callback: nothing more of the request is to come."""
        self._is_in_body = False
        self._disarm()
        if not self._is_refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Uvicorn's callback: the connection waits for the next request, whose time uvicorn bounds until it begins."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():  # else a pipelined one is at work now
            self._wait()

    # ------------------------------------------------------------------------------------ the bounds

    def _wait(self) -> None:
        """Count this connection among those without a head; where there are too many, one goes: the oldest of the
        address that has the most.
        """
        self._waiting.setdefault(self, None)
        if len(self._waiting) > MOST_WAITING:
            addresses = Counter(other.client and other.client[0] for other in self._waiting)
            address = addresses.most_common(1)[0][0]
            oldest = next(other for other in self._waiting if (other.client and other.client[0]) == address)
            oldest._close()

    def _head_is_late(self) -> None:
        self._refuse(408)

    def _body_is_late(self) -> None:
        if self.flow.read_paused:  # we do not read: the application is at work
            self._arm(BODY_SECONDS, self._body_is_late)
        else:
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Answer with a status alone, where no answer has begun, and read no more."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self._close()

    def _close(self) -> None:
        self._disarm()
        self._waiting.pop(self, None)
        self.transport.close()

    def _arm(self, seconds: float, do: Any) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, do)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
