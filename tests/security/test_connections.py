"""Before anybody signs in: headers without end and requests that never end take neither memory nor others' turn."""

import resource
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
from served import Site


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_headers_without_end_are_refused(guarded: Site) -> None:
    port = int(guarded.url.rpartition(":")[2])
    before = resident_bytes()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
        link.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n")
        sent = 0
        try:
            while sent < 20_000_000:
                sent += link.send(b"x-more: " + b"y" * 8000 + b"\r\n")
        except OSError:
            pass
    assert sent < 20_000_000
    assert resident_bytes() - before < 30_000_000


def test_a_thousand_half_open_requests_do_not_stop_the_server(guarded: Site) -> None:
    port = int(guarded.url.rpartition(":")[2])
    with ExitStack() as stack:
        for _ in range(1000):
            link = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            link.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n")
        assert httpx.get(f"{guarded.url}/healthz", timeout=10).json() == {"ok": True}
