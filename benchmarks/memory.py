"""Peak memory of the detect stage by length of video: `python benchmarks/memory.py [--quick]`. A section of RESULTS.md.

Each row is a process of its own that runs the stage's worker on a file of that many frames: with the network at lengths
a CPU can do, and up to ten hours with a stand-in network that answers at once. What the two differ in is the network
alone, whose memory does not depend on the length; windows, frames, answers, cuts and rows are the same code.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from heaters.machine import resident_peak_bytes
from heaters.models import transnet
from heaters.models.transnet_network import State
from heaters.models.windows import Windowing
from heaters.settings import Settings
from heaters.stages import detect
from heaters.stages.base import Context
from heaters.store.evidence import unpack
from heaters.store.objects import open_store

sys.path.insert(0, str(Path(__file__).resolve().parent))
from results import machine, table, write_section

TEN_HOURS_FRAMES = 1_080_000  # at 30 a second
LIMIT_BYTES = 1_500_000_000
ROWS = (
    ("stand-in", 16_000), ("stand-in", 108_000), ("stand-in", TEN_HOURS_FRAMES),
    ("network", 200), ("network", 1_000), ("network", 20_000),
)  # fmt: skip
SHOT_FRAMES = 120
QUICK_FRAMES = 1_000  # with --quick, the network is not run on more


class StandIn:
    """Answers as a network would that sees a hard cut every SHOT_FRAMES frames of the stream."""

    def __init__(self, state: State, dtype: torch.dtype = torch.float32) -> None:
        del state, dtype

    def run(self, chunks: Iterable[torch.Tensor], like: Windowing | None = None) -> Iterator[torch.Tensor]:
        """float32 [·, 2] for uint8 [·, 27, 48, 3]: the first pixel tells the frame."""
        del like
        for chunk in chunks:
            answer = torch.zeros(len(chunk), 2)
            answer[:, 0] = (chunk[:, 0, 0, 0] == 255).float()
            yield answer


def footage(path: Path, count: int) -> None:
    """A sparse file of frames; the last frame of every shot begins with a white byte."""
    with path.open("wb") as file:
        file.truncate(count * 3888)
        for frame in range(SHOT_FRAMES - 1, count, SHOT_FRAMES):
            file.seek(frame * 3888)
            file.write(b"\xff")


def measure(network: str, count: int) -> dict[str, float]:
    """Run the stage on `count` frames in this process: resident peak in bytes, seconds, cuts found."""
    if network == "stand-in":
        transnet.Stream = StandIn  # type: ignore[assignment, misc]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), device="cpu")
        store = open_store(settings.store_location)
        store.put_bytes("v/a", b"to be replaced")
        with tempfile.TemporaryFile() as pts:
            np.save(pts, np.arange(count + 1, dtype=np.int64))
            pts.seek(0)
            store.put_bytes("v/t", pts.read())
        path = store.local_path("v/a")
        assert path is not None
        footage(path, count)
        item = detect.Input(
            id=1, content_hash="0" * 64, analysis_key="v/a", pts_key="v/t", frame_count=count, time_base_num=1,
            time_base_den=30,
        )  # fmt: skip
        worker = detect.Worker(settings)
        begun = time.monotonic()
        (result,) = worker([item], Context(threads=2))
        if isinstance(result, Exception):
            raise result
        seconds = time.monotonic() - begun
        unpack(store.read(result.probabilities_key), count)
        json.dumps([result.cuts, result.clips])  # what the runner sends to the database
        cuts = result.cut_count
    return {"peak": resident_peak_bytes(), "seconds": seconds, "cuts": cuts}


def main() -> None:
    """Measure every row in a process of its own, print the table and write it down."""
    lines = []
    for network, count in ROWS:
        if "--quick" in sys.argv and network == "network" and count > QUICK_FRAMES:
            continue
        answer = subprocess.run([sys.executable, __file__, network, str(count)], stdout=subprocess.PIPE, check=True)
        found = json.loads(answer.stdout)
        hours = count / TEN_HOURS_FRAMES * 10
        lines.append(
            [network, f"{count:,}", f"{hours:.2f}", f"{found['peak'] / 1e6:.0f}", f"{found['cuts']:,}",
             f"{found['seconds']:.1f}"]
        )  # fmt: skip
        print(*lines[-1], sep="\t", flush=True)
        if found["peak"] > LIMIT_BYTES:
            raise SystemExit(f"{count} frames took {found['peak']} bytes, the limit is {LIMIT_BYTES}")
    head = ["network", "frames", "hours at 30/s", "peak resident, MB", "cuts", "seconds"]
    text = (
        f"{machine()}; one process a row; Python, PyTorch and the weights are in every figure.\n\n{table(head, lines)}"
    )
    write_section("Memory of the detect stage", text)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
