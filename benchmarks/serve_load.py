"""Load for the Serve benchmark: a bare HTTP/1.1 client that costs little, and closed and open loops over it."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

# A client process shares the cores with the server: anything heavier than this would measure itself.
_unique = itertools.count(time.time_ns() % 10**9)
FAILED = 0  # the connection broke, or nothing came in time
_PATIENCE_SECONDS = 60.0
_HEAD = b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@dataclass(slots=True, kw_only=True)
class Load:
    """What came back: every request's status, the seconds of those answered 200, and how long it all took."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    refused_seconds: list[float] = field(default_factory=list)
    took_seconds: float = 0.0

    @property
    def a_second(self) -> float:
        """Requests answered 200 a second."""
        return self.statuses[200] / self.took_seconds

    def percentile(self, share: float) -> float:
        """Milliseconds that `share` of the answers 200 did not exceed."""
        found = sorted(self.seconds)
        return 1000 * found[min(len(found) - 1, int(share * len(found)))] if found else float("nan")


def body(text: str | None = None) -> bytes:
    """A request's body; without a text one that nobody has asked for."""
    text = f"a lion in the grass near the river number {next(_unique)}" if text is None else text
    return json.dumps({"input": text, "encoding_format": "base64"}).encode()


class Connection:
    """One keep-alive connection; opened when needed, and again when it broke."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, content: bytes) -> int:
        """POST to /v1/embeddings; the answer's status, FAILED where there is none."""
        try:
            return await asyncio.wait_for(self._ask(content), _PATIENCE_SECONDS)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
            self.close()
            return FAILED

    async def _ask(self, content: bytes) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(_HEAD % len(content) + content)
        lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        if b"connection: close" in lines:
            self.close()
        return int(lines[0].split()[1])

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def closed_loop(port: int, clients: int, seconds: float, *, text: str | None = None) -> Load:
    """So many clients, each asking as soon as it has its answer."""
    load, start = Load(), time.perf_counter()

    async def client() -> None:
        connection = Connection(port)
        while time.perf_counter() - start < seconds:
            await _one(load, connection, text)
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    load.took_seconds = time.perf_counter() - start
    return load


async def open_loop(port: int, a_second: float, seconds: float, *, connections: int = 256) -> Load:
    """Requests at a fixed rate whatever the server says, on so many connections; what finds none free queues here."""
    load, start = Load(), time.perf_counter()
    free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
    for _ in range(connections):
        free.put_nowait(Connection(port))

    async def one() -> None:
        connection = await free.get()
        await _one(load, connection, None)
        free.put_nowait(connection)

    tasks = []
    for number in range(int(a_second * seconds)):
        await asyncio.sleep(max(0.0, start + number / a_second - time.perf_counter()))
        tasks.append(asyncio.create_task(one()))
    await asyncio.gather(*tasks)
    load.took_seconds = time.perf_counter() - start
    while not free.empty():
        free.get_nowait().close()
    return load


async def until_stopped(port: int, clients: int, stopped: Callable[[], bool]) -> Load:
    """As `closed_loop`, until told to stop; a refused client waits a moment."""
    load = Load()

    async def client() -> None:
        connection = Connection(port)
        while not stopped():
            if await _one(load, connection, None) != 200:
                await asyncio.sleep(0.1)
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return load


async def _one(load: Load, connection: Connection, text: str | None) -> int:
    begun = time.perf_counter()
    status = await connection.ask(body(text))
    load.statuses[status] += 1
    (load.seconds if status == 200 else load.refused_seconds).append(time.perf_counter() - begun)
    return status
