"""How many actors a GPU feeds best: the same work in 1, 2, 4 and 8 processes at a time.

    python benchmarks/gpu_sharing.py detect|MODEL DEVICE SECONDS     one actor: prints its items a second

An actor's best share of a GPU is 1 / the processes beyond which the sum hardly grows.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from results import table

SECONDS = 8.0
PROCESSES = (1, 2, 4, 8)
WORTH = 1.1  # twice the processes must give at least this much more
IMAGES = 64  # in a call of an embedder


def images(count: int) -> list[Image.Image]:
    """Stills as the keyframe stage makes them."""
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (45, 80, 3), np.uint8)).resize((1280, 720)) for _ in range(count)]


def work(name: str, device: str) -> tuple[Callable[[], object], int]:
    """What an actor does in one call, and how many items that are."""
    if name == "detect":
        from gpu import footage

        from heaters.models.transnet import TransNet

        frames, network = footage(3200), TransNet(device=device)
        return lambda: network.predict(frames), len(frames)
    from heaters.models.embedder import load_embedder

    model = load_embedder(
        name, cache=Path(tempfile.gettempdir()) / "heaters-gpu", device=device.partition(":")[0], towers="image"
    )
    stills = images(IMAGES)
    return lambda: model.embed_images(stills), IMAGES


def rate(name: str, device: str, seconds: float) -> float:
    """Items a second of one actor, after a call that warms up."""
    call, items = work(name, device)
    call()
    done, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        call()
        done += items
    return done / (time.perf_counter() - begun)


def together(name: str, device: str, processes: int, seconds: float) -> float | None:
    """Items a second of so many actors at once; None where one of them failed, as for want of memory."""
    command = [sys.executable, str(Path(__file__).resolve()), name, device, str(seconds)]
    actors = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    answers = [actor.communicate()[0] for actor in actors]
    return sum(map(float, answers)) if all(actor.returncode == 0 for actor in actors) else None


def sharing(names: list[str], device: str, seconds: float = SECONDS) -> str:
    """The table, and each actor's best share."""
    rows = []
    for name in names:
        rates: list[float] = []
        for processes in PROCESSES:
            found = together(name, device, processes, seconds)
            if found is None:
                break
            rates.append(found)
            print(name, processes, f"{found:.0f}", flush=True)
        best = 0
        while best + 1 < len(rates) and rates[best + 1] > WORTH * rates[best]:
            best += 1
        shown = [f"{one:.0f}" for one in rates] + ["failed"] * (len(PROCESSES) - len(rates))
        rows.append([name, *shown, f"1/{PROCESSES[best]}" if rates else "none"])
    return table(["actor, items a second", *(f"{count} at once" for count in PROCESSES), "best share"], rows)


if __name__ == "__main__":
    print(rate(sys.argv[1], sys.argv[2], float(sys.argv[3])))
