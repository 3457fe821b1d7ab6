"""The batch size: probed, halved, remembered."""

import json
from pathlib import Path

import pytest
import torch

from heaters.models.batch_size import FILE, MOST, BatchSize, probe


class Gpu:
    """Stands for a GPU: room for `room` windows, a fixed cost for each call, and no gain beyond `full`."""

    def __init__(self, room: int, full: int = 32) -> None:
        self.room, self.full = room, full
        self.calls: list[int] = []

    def __call__(self, size: int) -> float:
        self.calls.append(size)
        if size > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 0.001 + 0.01 * max(size, self.full) / self.full


def test_probing_doubles_until_it_no_longer_pays() -> None:
    gpu = Gpu(room=10_000)
    assert probe(gpu) == 64, "of a call's 1 ms little is left there, and nothing is gained from 256"
    assert max(gpu.calls) == MOST


def test_of_sizes_as_fast_the_smallest_is_taken_and_probing_ends() -> None:
    calls: list[int] = []

    def run(size: int) -> float:
        calls.append(size)
        return max(size, 16) / 1000

    assert probe(run) == 16
    assert max(calls) <= 64


def test_a_size_that_does_not_fit_ends_probing() -> None:
    gpu = Gpu(room=40, full=1000)
    assert probe(gpu) == 32
    assert gpu.calls[-1] == 64


def test_not_even_one_is_the_callers_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        probe(Gpu(room=0))


def test_what_was_found_is_not_probed_again(tmp_path: Path) -> None:
    first, second = Gpu(room=40, full=1000), Gpu(room=40, full=1000)
    assert BatchSize("H100 a fp16", tmp_path).find(first) == 32
    assert BatchSize("H100 a fp16", tmp_path).find(second) == 32
    assert not second.calls
    assert BatchSize("H100 a bf16", tmp_path).find(second) == 32
    assert second.calls, "another precision is another question"
    assert json.loads((tmp_path / FILE).read_text()) == {"H100 a fp16": 32, "H100 a bf16": 32}


def test_what_memory_taught_is_remembered_and_only_downwards(tmp_path: Path) -> None:
    size = BatchSize("key", tmp_path)
    assert size.find(Gpu(room=40, full=1000)) == 32
    assert size.halve(32) == 16
    assert size.halve(64) == 32, "a larger batch of another call teaches nothing new"
    assert BatchSize("key", tmp_path).find(Gpu(room=40)) == 16
    assert size.halve(1) == 1


@pytest.mark.parametrize("content", ["", "no JSON", "[1]", '{"key": "many"}', '{"key": 0}', '{"key": 100000}'])
def test_a_damaged_file_costs_a_probe(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    assert BatchSize("key", tmp_path).find(Gpu(room=40, full=1000)) == 32
    assert json.loads((tmp_path / FILE).read_text()) == {"key": 32}


def test_a_folder_that_is_not_there_costs_a_probe(tmp_path: Path) -> None:
    gpu = Gpu(room=40, full=1000)
    assert BatchSize("key", tmp_path / "no" / "such").find(gpu) == 32
    assert BatchSize("key", None).find(gpu) == 32
    assert BatchSize("key", None).halve(32) == 16
