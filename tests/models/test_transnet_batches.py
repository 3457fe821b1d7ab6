"""Windows in batches, as on a GPU, with a stand-in for the network: who shares a batch, and that none waits."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from heaters.models.raw_frames import RawFrames
from heaters.models.transnet import TransNet
from heaters.models.windows import LONG, REFERENCE


class StandIn(torch.nn.Module):
    """Answers with each frame's own first two values; notes the shapes of the batches that came."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        self.shapes.append(tuple(frames.shape[:2]))
        return frames[:, :, 0, 0, :2].float() / 255


def numbered(count: int, first: int = 0) -> NDArray[np.uint8]:
    """Frames that show their number in their first two values."""
    frames = np.zeros((count, 27, 48, 3), np.uint8)
    numbers = np.arange(first, first + count)
    frames[:, 0, 0, 0], frames[:, 0, 0, 1] = numbers % 256, numbers // 256
    return frames


def detector(batch_windows: int, precision: str = "bf16") -> tuple[TransNet, StandIn]:
    """A detector on the path that GPUs take, around the stand-in."""
    made = TransNet(device="cpu", precision=precision, batch_windows=batch_windows)
    made._on_cpu, made._network = None, StandIn()  # type: ignore[assignment]
    return made, made._network  # type: ignore[return-value]


def seen(made: TransNet, *videos: NDArray[np.uint8] | RawFrames) -> list[list[int]]:
    """The numbers of the frames that each video's answers are for."""
    answers = made.predict_many(videos)
    return [np.round(255 * (a.single + 256 * a.many)).astype(int).tolist() for a in answers]


def test_windows_of_several_videos_share_a_batch() -> None:
    made, network = detector(batch_windows=4)
    counts = (450, 1, 200, 401)
    videos = [numbered(count, 1000 * number) for number, count in enumerate(counts)]
    assert seen(made, *videos) == [list(range(1000 * n, 1000 * n + count)) for n, count in enumerate(counts)]
    assert network.shapes == [(4, LONG.length), (4, LONG.length)], "3 + 1 + 1 + 3 windows in two full batches"


@pytest.mark.parametrize("count", [1, 200, 201, 1000])
def test_a_last_batch_that_is_not_full_goes_at_once(count: int) -> None:
    made, network = detector(batch_windows=3)
    assert seen(made, numbered(count)) == [list(range(count))]
    windows = -(-count // LONG.step)
    assert [shape[0] for shape in network.shapes] == [3] * (windows // 3) + [windows % 3] * (windows % 3 > 0)


def test_a_batch_larger_than_everything_is_one_call() -> None:
    made, network = detector(batch_windows=256)
    assert seen(made, numbered(450), numbered(30)) == [list(range(450)), list(range(30))]
    assert network.shapes == [(4, LONG.length)]


def test_exact_takes_the_published_windows() -> None:
    made, network = detector(batch_windows=4, precision="exact")
    assert seen(made, numbered(120), numbered(50)) == [list(range(120)), list(range(50))]
    assert network.shapes == [(4, REFERENCE.length)]


def test_frames_are_read_a_batch_at_a_time(tmp_path: Path) -> None:
    numbered(2000).tofile(tmp_path / "frames.rgb")
    reads: list[int] = []

    class Counted(RawFrames):
        def __getitem__(self, frames: slice) -> NDArray[np.uint8]:
            part = super().__getitem__(frames)
            reads.append(len(part))
            return part

    made, network = detector(batch_windows=2)
    assert seen(made, Counted(tmp_path / "frames.rgb", 2000)) == [list(range(2000))]
    assert max(reads) <= LONG.length
    assert len(network.shapes) == 5


def test_an_unknown_batch_size_is_probed_once() -> None:
    made, network = detector(batch_windows=0)
    made.batch_windows = 0  # as on a GPU that nobody has measured

    class Small(StandIn):
        def forward(self, frames: torch.Tensor) -> torch.Tensor:
            if len(frames) > 5:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(frames)

    made._network = network = Small()  # type: ignore[assignment]
    assert seen(made, numbered(900)) == [list(range(900))]
    probed = len(network.shapes)
    assert 0 < made.batch_windows <= 4
    assert seen(made, numbered(900)) == [list(range(900))]
    assert len(network.shapes) - probed == -(-5 // made.batch_windows)


MEASURE = [sys.executable, str(Path(__file__).parents[2] / "benchmarks" / "memory.py"), "stand-in"]


@pytest.mark.slow
def test_an_hour_of_film_takes_hardly_more_memory_than_minutes_do() -> None:
    """The whole stage on frames in a file, all but the network itself; `benchmarks/memory.py` goes on to ten hours."""
    peaks = []
    for count in (12_000, 108_000):
        told = subprocess.run([*MEASURE, str(count)], capture_output=True, text=True, check=True).stdout
        found = json.loads(told)
        assert found["cuts"] == count // 120 - 1
        peaks.append(found["peak"])
    assert peaks[1] < 1.5e9
    # All evidence, PTS and rows of 51 minutes more; their frames are 358 MB.
    assert peaks[1] - peaks[0] < 60e6
