"""Bounds of connections, on a real uvicorn: heads too long or too slow, bodies that stand still, many half-open."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvicorn
from waiting import wait_until

from heaters import connections
from heaters.connections import MOST_HEAD_BYTES, MOST_WAITING, BoundedProtocol

READ_ALL = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n"


async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    """Reads the body, and says how long it was; at /refused it answers without reading it."""
    if scope["path"] == "/refused":
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"8")]})
        await send({"type": "http.response.body", "body": b"too much"})
        return
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
    await send({"type": "http.response.body", "body": b"%8d" % length})


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        config = uvicorn.Config(app, http=BoundedProtocol, log_level="critical", lifespan="off", timeout_keep_alive=60)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started, "the server")
        yield int(listener.getsockname()[1])
        server.should_exit = True
        thread.join(10)


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def answer(link: socket.socket) -> bytes:
    """All that comes until the other side closes, or the first answer with a body of eight bytes."""
    found = b""
    while not (b"\r\n\r\n" in found and len(found.partition(b"\r\n\r\n")[2]) >= 8):
        try:
            part = link.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        found += part
    return found


def status(link: socket.socket) -> int:
    found = answer(link)
    return int(found.split(b" ")[1]) if found else 0


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_requests_within_the_bounds_pass(port: int) -> None:
    with connected(port) as link:
        for _ in range(3):  # kept alive
            filler = b"x-filler: " + b"y" * (MOST_HEAD_BYTES // 2) + b"\r\n"
            link.sendall(READ_ALL + filler + b"\r\n" + b"0123456789")
            assert answer(link).endswith(b"      10")


def test_pipelined_requests_pass(port: int) -> None:
    with connected(port) as link:
        link.sendall((READ_ALL + b"\r\n0123456789") * 2)
        found = answer(link)
        while found.count(b"HTTP/1.1 200") < 2:
            found += link.recv(65536)


def test_the_rest_of_a_refused_body_is_no_head(port: int) -> None:
    body = b"0" * (4 * MOST_HEAD_BYTES)
    with connected(port) as link:
        link.sendall(b"POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body))
        assert status(link) == 413
        link.sendall(body)
        link.sendall(READ_ALL + b"\r\n0123456789")
        assert status(link) == 200


def test_a_long_body_and_the_next_head_in_one_piece_pass(port: int) -> None:
    body = b"0" * (3 * MOST_HEAD_BYTES)
    with connected(port) as link:
        begin = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
        link.sendall(begin + body + READ_ALL + b"\r\n0123456789")
        found = answer(link)
        while found.count(b"HTTP/1.1 200") < 2:
            found += link.recv(65536)


def test_a_head_that_comes_in_one_piece_is_refused_at_once(port: int) -> None:
    with connected(port) as link:
        link.sendall(READ_ALL + b"x-long: " + b"y" * (MOST_HEAD_BYTES + 32 * 2**10))
        assert status(link) == 431


@pytest.mark.parametrize("kind", ["many", "one", "url", "trailers"])
def test_a_head_that_is_too_long_is_refused_before_it_fills_memory(port: int, kind: str) -> None:
    begin, part = {
        "many": (READ_ALL, b"x-%d: " + b"y" * 500 + b"\r\n"),
        "one": (READ_ALL + b"x-long: ", b"y" * 500),
        "url": (b"GET /", b"y" * 500),
        "trailers": (
            b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
            b"x: " + b"y" * 500 + b"\r\n",
        ),
    }[kind]
    before = resident_bytes()
    with connected(port) as link:
        link.sendall(begin)
        sent = 0
        try:
            while sent < 20_000_000:
                sent += link.send(part * 100)
        except OSError:
            pass
        assert sent < 20_000_000
        assert status(link) in (431, 0)  # 0: what we had sent and it did not read reset the connection
    assert resident_bytes() - before < 30_000_000


def test_a_head_that_does_not_end_is_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    for begin in (b"", READ_ALL):
        with connected(port) as link:
            begun = time.monotonic()
            link.sendall(begin)
            assert status(link) == 408
            assert time.monotonic() - begun < 10


def test_bytes_that_drip_do_not_extend_the_time(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    with connected(port) as link:
        link.sendall(READ_ALL)
        begun = time.monotonic()
        while time.monotonic() - begun < 10:
            try:
                link.sendall(b"x: y\r\n")
            except OSError:
                break
            time.sleep(0.05)
        assert time.monotonic() - begun < 10


def test_a_body_that_stands_still_is_cut_off_and_a_slow_one_is_not(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BODY_SECONDS", 1.0)
    with connected(port) as link:
        link.sendall(READ_ALL + b"\r\n01234")
        assert status(link) == 408
    with connected(port) as link:
        link.sendall(READ_ALL + b"\r\n")
        for _ in range(5):
            time.sleep(0.4)
            link.sendall(b"01")
        assert answer(link).endswith(b"      10")


def test_a_thousand_half_open_requests_leave_room_for_others(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(1000):
            link = stack.enter_context(connected(port))
            link.sendall(READ_ALL)
        with connected(port) as link:
            link.sendall(READ_ALL + b"\r\n0123456789")
            assert status(link) == 200
    assert MOST_WAITING < 1000
