"""The Serve endpoint against plain FastAPI + uvicorn with the same model; overload, fuzzing, a killed replica.

    python benchmarks/serve.py [--seconds 5] [--parts throughput,overload,kill,fuzz] [--write]

Clients share the machine with the server: read ratios. Every text is new, so that no cache helps.
"""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import serve_fuzz
from results import machine, table, write_section
from serve_load import Load, closed_loop, open_loop, until_stopped

from deployments import local
from deployments.limits import Limits
from heaters.runner.cluster import connect
from heaters.settings import Settings
from heaters.store.open import open_database

HERE = Path(__file__).resolve().parent
CLIENTS = (1, 16, 64)
# Room for all clients of the throughput part, so that nothing is refused there.
ROOMY = Limits(in_flight=128, in_flight_per_key=128)
OVERLOAD = 5


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def plainly(which: str, settings: Settings) -> Iterator[int]:
    """One of `serve_rivals` in a process of its own; gives its port."""
    port = free_port()
    environment = os.environ | {"HEATERS_HOME": str(settings.home), "PYTHONPATH": str(HERE.parent)}
    process = subprocess.Popen([sys.executable, str(HERE / "serve_rivals.py"), which, str(port)], env=environment)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def on_serve(settings: Settings, **more: Any) -> Iterator[int]:
    """The endpoint on the Ray that is connected; gives its port."""
    more = {"limits": ROOMY, "log_file": settings.home / "serve.jsonl"} | more
    local.start(settings, **more)
    wait_for(settings.serve_port)
    yield settings.serve_port


def wait_for(port: int) -> None:
    """Until a request is answered."""
    for _ in range(240):
        if asyncio.run(closed_loop(port, 1, 0.01)).statuses[200]:
            return
        time.sleep(0.5)
    raise TimeoutError(f"nothing answers on port {port}")


def measured(port: int, seconds: float) -> list[Load]:
    """The closed loops, warmed up."""
    asyncio.run(closed_loop(port, 16, 1))
    return [asyncio.run(closed_loop(port, clients, seconds)) for clients in CLIENTS]


def throughput(settings: Settings, seconds: float) -> str:
    """Requests a second and latencies, side by side."""
    from serve_rivals import Unbatched, serve_batched

    found: dict[str, list[Load]] = {}
    for name, which in (("plain FastAPI + uvicorn", "plain"), ("our application under uvicorn", "application")):
        with plainly(which, settings) as port:
            found[name] = measured(port, seconds)
    variants: dict[str, dict[str, Any]] = {
        "**Heaters on Ray Serve**": {},
        "the same, batching off": {"tower_class": Unbatched},
        "the same, `serve.batch` 5 ms": {"tower_class": serve_batched(0.005)},
    }
    for name, more in variants.items():
        with on_serve(settings, **more) as port:
            found[name] = measured(port, seconds)
            if not more:
                cached = asyncio.run(closed_loop(port, 16, seconds, text="a lion"))
    rows = [[name, *(_cell(load) for load in loads)] for name, loads in found.items()]
    rows.append(["Heaters on Ray Serve, text in the cache", "", _cell(cached), ""])
    return table(["requests/s · p50 · p99 ms", *(f"{n} client{'s' * (n > 1)}" for n in CLIENTS)], rows)


def _cell(load: Load) -> str:
    failed = sum(load.statuses.values()) - load.statuses[200]
    lost = f" · {failed} failed" if failed else ""
    return f"{load.a_second:.0f} · {load.percentile(0.5):.0f} · {load.percentile(0.99):.0f}{lost}"


def overload(settings: Settings, seconds: float) -> str:
    """Five times what it can do: refusals with the right code, and back to normal at once."""
    with on_serve(settings, limits=Limits(in_flight=16)) as port:
        before = asyncio.run(closed_loop(port, 8, seconds))
        rate = OVERLOAD * before.a_second
        during = asyncio.run(open_loop(port, rate, 2 * seconds))
        after = asyncio.run(closed_loop(port, 8, seconds))
    refused = sorted(during.refused_seconds) or [0.0]
    return (
        f"Room for 16 requests; 8 clients get {_figures(before)}. {rate:.0f} a second for {2 * seconds:.0f} s, "
        f"{OVERLOAD} times that: {_codes(during)}. Answered: {_figures(during)}; refused: p50 "
        f"{1000 * refused[len(refused) // 2]:.0f} ms. Straight after it 8 clients get {_figures(after)}."
    )


def _figures(load: Load) -> str:
    return f"{load.a_second:.0f} requests/s (p50 {load.percentile(0.5):.0f}, p99 {load.percentile(0.99):.0f} ms)"


def _codes(load: Load) -> str:
    return ", ".join(f"{status or 'no answer'}: {count}" for status, count in sorted(load.statuses.items()))


def kill(settings: Settings, seconds: float) -> str:
    """SIGKILL to the only replica of the text tower, then to the only ingress, under 8 clients."""
    with on_serve(settings) as port:
        return "\n".join(asyncio.run(_killed(name, port, seconds)) for name in ("text", "ingress"))


async def _killed(name: str, port: int, seconds: float) -> str:
    done = False
    asking = asyncio.create_task(until_stopped(port, 8, lambda: done))
    await asyncio.sleep(seconds)
    _replica(name).send_signal(signal.SIGKILL)
    begun = time.perf_counter()
    while not (await closed_loop(port, 1, 0.001)).statuses[200]:
        await asyncio.sleep(0.2)
    back = time.perf_counter() - begun
    await asyncio.sleep(seconds)
    done = True
    load = await asking
    return (
        f"- {name}: {sum(load.statuses.values())} requests, {_codes(load)}; answering again after {back:.1f} s, the "
        f"longest wait for an answer {max(load.seconds):.1f} s."
    )


def _replica(name: str) -> psutil.Process:
    for process in psutil.Process().children(recursive=True):
        if f"ServeReplica:heaters:{name}" in " ".join(process.cmdline()):
            return process
    raise RuntimeError(f"no replica of {name}")


def fuzz(_: Settings, __: float) -> str:
    """Malformed and oversized requests."""
    found = serve_fuzz.fuzz(10_000)
    codes = ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items()))
    return (
        f"{sum(found.statuses.values())} requests in {found.seconds:.0f} s: {codes}; {len(found.failures)} answers of "
        f"500 or above. Memory {found.warm_bytes / 2**20:.0f} MiB after the first fifth, "
        f"{found.end_bytes / 2**20:.0f} MiB at the end."
    )


PARTS: dict[str, tuple[str, Callable[[Settings, float], str]]] = {
    "fuzz": ("Fuzzed from the OpenAPI document (schemathesis), our application under uvicorn", fuzz),
    "throughput": ("One text a request, each new", throughput),
    "overload": ("Overload", overload),
    "kill": ("A replica killed under 8 clients", kill),
}


def main() -> None:
    """Run the parts and print, or write, the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    texts = [f"{datetime.now(UTC):%Y-%m-%d} · {machine()}, no GPU · `python {' '.join(sys.argv)}` · starter model"]
    with TemporaryDirectory() as folder:
        settings = replace(Settings(), home=Path(folder), serve_port=free_port(), device="cpu")
        open_database(settings).close()
        os.environ.update(local.SERVE_ENVIRONMENT)
        connected = False
        for name in options.parts.split(","):
            title, part = PARTS[name]
            if name != "fuzz" and not connected:
                connected = connect(settings).owned
            texts.append(f"### {title}\n\n{part(settings, options.seconds)}")
            print(texts[-1], flush=True)
        local.stop(ray_too=True)
    if options.write:
        write_section("Serve", "\n\n".join(texts))


if __name__ == "__main__":
    main()
