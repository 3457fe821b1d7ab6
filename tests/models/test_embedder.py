"""The interface: names, pooling and refusals. The models themselves are in test_starter and test_openclip."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from heaters.errors import ConfigError, ModelError, RuleError
from heaters.models.embedder import load_embedder, model_identity, normalised, pool, resolve_device


def vectors(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_multi_average_is_the_normalised_mean_of_normalised_vectors() -> None:
    pooled = pool(vectors([10, 0], [0, 0.1]), "multi_average")
    np.testing.assert_allclose(pooled, [0.5**0.5, 0.5**0.5], atol=1e-6)
    assert pooled.dtype == np.float32


def test_single_takes_the_middle_still() -> None:
    rows = vectors([1, 0, 0], [0, 2, 0], [0, 0, 1])
    np.testing.assert_array_equal(pool(rows, "single"), [0, 1, 0])
    np.testing.assert_array_equal(pool(rows[2:], "single"), [0, 0, 1])


@pytest.mark.parametrize(
    "rows",
    [
        vectors([0, 0]),
        vectors([1, 0], [0, 0]),
        vectors([1, 0], [np.nan, 0]),
        vectors([np.inf, 0]),
        vectors([1, 0], [-1, 0]),
    ],
)
def test_vectors_without_a_direction_are_refused(rows: np.ndarray) -> None:
    with pytest.raises(ModelError, match="finite and not zero"):
        pool(rows, "multi_average")


def test_pooling_refuses_what_is_no_list_of_vectors() -> None:
    with pytest.raises(RuleError, match="k ≥ 1"):
        pool(np.zeros((0, 4), np.float32), "single")
    with pytest.raises(RuleError, match="k ≥ 1"):
        pool(np.ones(4, np.float32), "single")
    with pytest.raises(RuleError, match="single, multi_average"):
        pool(vectors([1, 0]), "median")


def test_normalised_widens_half_precision() -> None:
    assert normalised(np.array([[3, 4]], np.float16)).dtype == np.float32
    np.testing.assert_allclose(normalised(np.array([[3, 4]], np.float16)), [[0.6, 0.8]], atol=1e-7)


@pytest.mark.parametrize("name", ["", "clip", "starter2", "openai:ViT-B-32"])
def test_an_unknown_name_lists_what_may_be_written(tmp_path: Path, name: str) -> None:
    for call in (lambda: load_embedder(name, cache=tmp_path), lambda: model_identity(name, tmp_path)):
        with pytest.raises(ConfigError, match=r"starter, openclip:NAME/PRETRAINED .* openclip:local-dir:PATH"):
            call()


def test_devices() -> None:
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ConfigError, match="auto, cpu or cuda"):
        resolve_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_where_there_is_none_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="HEATERS_DEVICE=cuda"):
        load_embedder("starter", cache=tmp_path, device="cuda")


def test_importing_the_interface_and_asking_for_an_identity_does_not_import_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from heaters.models.embedder import model_identity, pool; "
        f"print(model_identity('starter', Path({str(tmp_path)!r}))); print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "('starter@" in run.stdout
    assert run.stdout.endswith("False\n")
