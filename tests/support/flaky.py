"""A proxy in front of an object store that answers as a store in trouble does, and otherwise passes everything on."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SLOW_SECONDS = 2.0
HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "expect", "date", "server"}


@dataclass(slots=True)
class Trouble:
    """Which requests go wrong: every n-th, in turn with 500, 503, a slow answer, and a body that ends half-way."""

    every: int
    seen: int = 0
    done: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, method: str) -> str:
        """What happens to this request; "" is nothing."""
        with self.lock:
            self.seen += 1
            if self.seen % self.every:
                return ""
            kinds = ["500", "503", "slow", *(["truncated"] if method == "GET" else [])]
            kind = kinds[(self.seen // self.every) % len(kinds)]
            self.done[kind] += 1
            return kind


@contextmanager
def proxy(upstream: str, trouble: Trouble) -> Iterator[str]:
    """The proxy's address, for the length of the block."""
    handler = type("Handler", (_Handler,), {"upstream": urlsplit(upstream).netloc, "trouble": trouble})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: str
    trouble: Trouble

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.trouble.next(self.command)
        if kind in ("500", "503"):
            code = "InternalError" if kind == "500" else "SlowDown"
            text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>in trouble</Message></Error>".encode()
            self._answer(int(kind), [("Content-Type", "application/xml")], text, len(text))
            return
        if kind == "slow":
            time.sleep(SLOW_SECONDS)
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        connection.request(self.command, self.path, body, headers)
        found = connection.getresponse()
        data = found.read()
        size = int(found.headers.get("Content-Length") or len(data))
        kept = [(name, value) for name, value in found.getheaders() if name.lower() not in HOP_BY_HOP]
        connection.close()
        if kind == "truncated" and len(data) > 1:
            data = data[: len(data) // 2]
            self.close_connection = True
        self._answer(found.status, [h for h in kept if h[0].lower() != "content-length"], data, size)

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, size: int) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET: Callable[["_Handler"], None] = _pass  # noqa: N815 - the library's names
    do_PUT: Callable[["_Handler"], None] = _pass  # noqa: N815
    do_POST: Callable[["_Handler"], None] = _pass  # noqa: N815
    do_HEAD: Callable[["_Handler"], None] = _pass  # noqa: N815
    do_DELETE: Callable[["_Handler"], None] = _pass  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the tests' own output is enough."""
