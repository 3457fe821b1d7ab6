"""How the libraries' threads wait: each model alone, and beside processes that keep CPUs busy.

    python benchmarks/threads.py [--busy 1] [--write]

Each figure is a process of its own: the libraries read their variables when they are loaded. `libraries' own` is with
none of the variables of `heaters/threads.py`, `ours` with all of them. Wall and CPU seconds, of the work alone.
--write puts the table into RESULTS.md.
"""

import argparse
import datetime
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from results import machine, table, write_section

from heaters.threads import LIBRARIES

MOST_SECONDS = 90.0  # what takes longer is cut off, and said to be so


def detector(threads: int) -> Callable[[], object]:
    """500 frames of noise through the cut detector: it computes the same for all frames."""
    import torch

    from heaters.models.transnet import TransNet

    torch.set_num_threads(threads)
    network, frames = TransNet("cpu"), np.random.default_rng(1).integers(0, 256, (500, 27, 48, 3), np.uint8)
    network.predict(frames[:64])
    return lambda: network.predict(frames)


def pictures(threads: int) -> Callable[[], object]:
    """96 pictures through the starter's image tower."""
    import torch
    from PIL import Image

    from heaters.models.embedder import load_embedder

    torch.set_num_threads(threads)
    model = load_embedder("starter", cache=Path(), device="cpu", towers="image")
    noise = np.random.default_rng(1).integers(0, 256, (96, 288, 512, 3), np.uint8)
    images = [Image.fromarray(picture) for picture in noise]
    model.embed_images(images[:2])
    return lambda: model.embed_images(images)


def sentences(threads: int) -> Callable[[], object]:
    """Ten searches: a sentence each through the starter's text tower, which is numpy alone."""
    from heaters.models.embedder import load_embedder

    del threads
    model = load_embedder("starter", cache=Path(), device="cpu", towers="text")
    model.embed_texts(["a lion"])
    return lambda: [model.embed_texts([f"a cat on mat number {number}"]) for number in range(10)]


WORK: dict[str, Callable[[int], Callable[[], object]]] = {
    "detector, 500 frames": detector,
    "starter, 96 pictures": pictures,
    "starter, 10 sentences": sentences,
}


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that never wait, for the length of the block."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def measure(name: str, threads: int) -> None:
    """Do the work in this process and print what it took."""
    do = WORK[name](threads)
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    do()
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"wall": wall, "cpu": cpu}))


def taken(name: str, threads: int, others: int, environment: dict[str, str]) -> tuple[float, float] | None:
    """Wall and CPU seconds of the work in a process with that environment; None: more than MOST_SECONDS."""
    command = [sys.executable, __file__, "--work", name, "--threads", str(threads)]
    with busy(others):
        try:
            ran = subprocess.run(
                command, env=environment, check=True, capture_output=True, text=True, timeout=MOST_SECONDS
            )
        except subprocess.TimeoutExpired:
            return None
    found = json.loads(ran.stdout.splitlines()[-1])
    return found["wall"], found["cpu"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, default=1, help="how many processes keep CPUs busy")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--work", choices=WORK, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.work:
        measure(options.work, options.threads)
        return
    load = os.getloadavg()[0]
    own = {name: value for name, value in os.environ.items() if name not in LIBRARIES}
    rows = []
    for name in WORK:
        for who, environment in (("the libraries' own", own), ("ours", {**own, **LIBRARIES})):
            found = [taken(name, options.threads, others, environment) for others in (0, options.busy)]
            ratio = f"{found[1][1] / found[0][1]:.2f}" if found[0] and found[1] else ""
            rows.append([name, who, *map(_said, found), ratio])
            print(*rows[-1], sep=" | ", flush=True)
    head = ["work", "variables", "alone: wall / CPU s", f"beside {options.busy} busy: wall / CPU s", "CPU, ratio"]
    text = (
        f"{machine()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}: `python benchmarks/threads.py`; "
        f"{options.threads} threads of torch; load average before {load:.1f}; over {MOST_SECONDS:g} s, start "
        "included, is cut off.\n\n" + table(head, rows)
    )
    print(text)
    if options.write:
        write_section("Threads", text)


def _said(found: tuple[float, float] | None) -> str:
    return f"{found[0]:.2f} / {found[1]:.2f}" if found else "cut off"


if __name__ == "__main__":
    main()
