"""A web server on loopback that misbehaves on demand: `with site() as s: s.add("/x", file(data)); fetch(s.url("/x"))`.

A page is a function of the request handler; the makers below cover what tests need. `requests` records what was asked.
"""

import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


@dataclass
class Asked:
    """One request as it came in."""

    target: str
    range: str | None
    if_range: str | None
    cookie: str | None


@dataclass
class Site:
    """A running server, its pages, and the requests it got. As a proxy it is asked for whole URLs."""

    port: int
    pages: dict[str, Callable[["Handler"], None]] = field(default_factory=dict)
    requests: list[Asked] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)  # a client has closed its connection in the middle

    def add(self, path: str, page: Callable[["Handler"], None]) -> str:
        """Serve `page` at `path`; gives the URL."""
        self.pages[path] = page
        return self.url(path)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def asked(self, path: str) -> list[Asked]:
        return [asked for asked in self.requests if urlsplit(asked.target).path == path]


class Handler(BaseHTTPRequestHandler):
    """Looks up the page; HTTP/1.1 only where the page says its length, so that the connection ends the body."""

    site: Site

    def do_GET(self) -> None:
        names = ("Range", "If-Range", "Cookie")
        self.site.requests.append(Asked(self.path, *(self.headers.get(name) for name in names)))
        # As a proxy it is asked for a whole URL; pages are found by their path all the same.
        page = self.site.pages.get(urlsplit(self.path).path, status(404))
        try:
            page(self)
        except ConnectionError:  # the client may leave at any time
            self.site.left.set()

    def do_HEAD(self) -> None:
        self.do_GET()

    def begin(self, code: int = 200, **headers: object) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def site(*, untrusted_tls: bool = False) -> Iterator[Site]:
    """Run a server on a free port until the block is left; with TLS under a certificate that nobody has signed."""
    handler = type("SiteHandler", (Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        if untrusted_tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(Path(__file__).with_name("untrusted.pem"))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        running = Site(port=server.server_address[1])
        handler.site = running
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()


Page = Callable[[Handler], None]


def file(data: bytes, content_type: str = "video/mp4", *, ranges: bool = True, etag: str = "") -> Page:
    """A file, with ranges and If-Range as RFC 9110 wants them."""

    def page(handler: Handler) -> None:
        start, extra = 0, {"ETag": etag} if etag else {}
        asked, condition = handler.headers.get("Range"), handler.headers.get("If-Range")
        if ranges and asked and condition in {None, etag}:
            start = int(asked.removeprefix("bytes=").split("-")[0])
            extra["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        handler.begin(206 if "Content_Range" in extra else 200, Content_Type=content_type,
                      Content_Length=len(data) - start, **extra)  # fmt: skip
        if handler.command != "HEAD":
            handler.wfile.write(data[start:])

    return page


def text(body: str, content_type: str = "text/html; charset=utf-8") -> Page:
    """A page of text."""
    return file(body.encode(), content_type, ranges=False)


def status(code: int, **headers: object) -> Page:
    """An answer without a body worth reading."""
    return lambda handler: handler.begin(code, Content_Length=0, **headers)


def redirect(url: str) -> Page:
    """302 to another place."""
    return status(302, Location=url)


def sequence(*pages: Page) -> Page:
    """The first page for the first request, and so on; the last one for all that follow."""
    waiting = list(pages)
    return lambda handler: (waiting.pop(0) if len(waiting) > 1 else waiting[0])(handler)


def endless(content_type: str = "video/mp4", *, claims_bytes: int | None = None, wait_seconds: float = 0.0) -> Page:
    """A body that never ends, whatever length it claims; with a wait between blocks also a slow one."""

    def page(handler: Handler) -> None:
        length = {} if claims_bytes is None else {"Content_Length": claims_bytes}
        handler.begin(Content_Type=content_type, **length)
        while handler.command != "HEAD":
            handler.wfile.write(b"<p>" + bytes(65536) if content_type.startswith("text") else bytes(65536))
            time.sleep(wait_seconds)

    return page


def broken(data: bytes, after_bytes: int, *, etag: str = '"v1"', stall_seconds: float = 0.0) -> Page:
    """A file of which only the first bytes come; then the connection stalls and breaks."""

    def page(handler: Handler) -> None:
        handler.begin(Content_Type="video/mp4", ETag=etag, Content_Length=len(data))
        handler.wfile.write(data[:after_bytes])
        handler.wfile.flush()
        time.sleep(stall_seconds)

    return page
