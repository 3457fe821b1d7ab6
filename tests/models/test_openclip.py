"""OpenCLIP on a tiny model with seeded random weights: open_clip's own code, no download."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tiny_openclip import CONFIG, DIMENSION, make_model, make_siglip

from heaters.errors import ConfigError, ModelError
from heaters.models.embedder import load_embedder, model_identity


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


def pictures(count: int) -> list[Image.Image]:
    random = np.random.default_rng(1)
    return [Image.fromarray(random.integers(0, 255, (40 + n, 60, 3), dtype=np.uint8)) for n in range(count)]


@pytest.mark.parametrize("custom_text", [False, True])
def test_embeds_images_and_texts_into_one_space(tmp_path: Path, custom_text: bool) -> None:
    name = f"openclip:local-dir:{make_model(tmp_path / 'tiny', custom_text=custom_text)}"
    model = load_embedder(name, cache=tmp_path / "cache", device="cpu")
    images, texts = model.embed_images(pictures(19)), model.embed_texts(["a lion", "", "word " * 100])
    assert images.shape == (19, DIMENSION)
    assert texts.shape == (3, DIMENSION)
    for vectors in (images, texts):
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert model.embed_images([]).shape == model.embed_texts([]).shape == (0, DIMENSION)
    assert model_identity(name, tmp_path / "cache") == (model.model, DIMENSION)
    assert "openclip:local-dir:" in model.note
    for tower, vectors in (("image", images), ("text", texts)):
        half = load_embedder(name, cache=tmp_path / "cache", device="cpu", towers=tower)
        same = half.embed_images(pictures(19)) if tower == "image" else half.embed_texts(["a lion", "", "word " * 100])
        np.testing.assert_array_equal(same, vectors)
        with pytest.raises(ModelError, match="without its"):
            half.embed_texts(["x"]) if tower == "image" else half.embed_images(pictures(1))


def test_a_vector_is_open_clips_own_and_independent_of_the_batch(folder: Path, tmp_path: Path) -> None:
    model = load_embedder(f"openclip:local-dir:{folder}", cache=tmp_path, device="cpu")
    network, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    image = pictures(3)[2]
    with torch.inference_mode():
        vector = network.eval().encode_image(transform(image)[None], normalize=True)[0].numpy()
    np.testing.assert_allclose(model.embed_images(pictures(3))[2], vector, atol=1e-6)
    np.testing.assert_allclose(model.embed_images([image.convert("RGBA")])[0], vector, atol=1e-6)


def test_identity_follows_weights_and_configuration(folder: Path, tmp_path: Path) -> None:
    def identity(of: Path) -> str:
        return model_identity(f"openclip:local-dir:{of}", tmp_path / "cache")[0]

    copy = tmp_path / "elsewhere" / "tiny"
    shutil.copytree(folder, copy)
    assert identity(copy) == identity(folder)
    config = json.loads((copy / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["mean"] = [0.4, 0.5, 0.5]
    (copy / "open_clip_config.json").write_text(json.dumps(config))
    assert identity(copy) != identity(folder)
    other = make_model(tmp_path / "seeded" / "tiny", seed=1)
    assert identity(other) != identity(folder)
    before = identity(other)
    weights = other / "open_clip_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert identity(other) != before  # the remembered checksum is not believed for a changed file


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: shutil.rmtree(folder), "no such directory"),
        (lambda folder: (folder / "open_clip_config.json").unlink(), "must hold open_clip_config.json"),
        (lambda folder: (folder / "open_clip_config.json").write_text("{}"), "model_cfg.embed_dim"),
        (lambda folder: (folder / "open_clip_model.safetensors").unlink(), "must hold weights"),
    ],
)
def test_a_bad_directory_is_named_with_the_rule(tmp_path: Path, spoil, says: str) -> None:
    folder = make_model(tmp_path / "tiny")
    spoil(folder)
    with pytest.raises(ConfigError, match=says) as error:
        load_embedder(f"openclip:local-dir:{folder}", cache=tmp_path / "cache")
    assert str(folder) in str(error.value)


def test_damaged_or_foreign_weights_are_a_model_error(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "tiny")
    weights = folder / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="could not be loaded"):
        load_embedder(f"openclip:local-dir:{folder}", cache=tmp_path / "cache")
    save_file({"some": torch.zeros(3)}, weights)
    with pytest.raises(ModelError, match="could not be loaded"):
        load_embedder(f"openclip:local-dir:{folder}", cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("openclip:", "no architecture"),
        ("openclip:NoSuchModel/x", "no architecture 'NoSuchModel'"),
        ("openclip:ViT-B-32", "it has: openai, .*laion2b_s34b_b79k"),
        ("openclip:ViT-B-32/nothing", "no weights 'nothing'; it has: "),
    ],
)
def test_unknown_names_list_what_there_is(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_embedder(name, cache=tmp_path)


# In a process of its own, because the hub's client reads its address and its offline switch at import.
UNREACHABLE = """
import sys
import time
from pathlib import Path
import huggingface_hub, open_clip
from heaters.errors import ModelError
from heaters.models.embedder import load_embedder
started = time.monotonic()
try:
    load_embedder("openclip:ViT-B-32/laion2b_s34b_b79k", cache=Path(sys.argv[1]))
except ModelError as error:
    print(error)
print(time.monotonic() - started)
"""


def test_a_hub_out_of_reach_fails_at_once_and_says_what_to_do(tmp_path: Path) -> None:
    variables = {
        "HF_HOME": str(tmp_path / "hub"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }
    run = subprocess.run(
        [sys.executable, "-c", UNREACHABLE, str(tmp_path)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "local-dir:PATH" in run.stdout
    assert "laion/CLIP-ViT-B-32-laion2B-s34B-b79K" in run.stdout
    assert "refused" in run.stdout
    assert "Retry" not in run.stderr
    assert float(run.stdout.split()[-1]) < 12  # the hub's client alone would retry for 23 seconds


def test_a_tag_found_in_the_hub_cache_needs_no_network(folder: Path, tmp_path: Path, monkeypatch) -> None:
    """A fake hub cache and a built-in configuration of our own: the whole way of a tag, without its download."""
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "Tiny", CONFIG["model_cfg"])
    details = {
        "hf_hub": "someone/tiny/",
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "interpolation": "bilinear",
    }
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "Tiny", {"seeded": details})
    cache = tmp_path / "cache"
    stored = cache / "hub" / "models--someone--tiny"
    snapshot = stored / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text("0" * 40)
    shutil.copy(folder / "open_clip_model.safetensors", snapshot)
    tagged = load_embedder("openclip:Tiny/seeded", cache=cache, device="cpu")
    local = load_embedder(f"openclip:local-dir:{folder}", cache=cache, device="cpu")
    np.testing.assert_allclose(tagged.embed_images(pictures(2)), local.embed_images(pictures(2)), atol=1e-6)
    assert tagged.model.startswith("openclip:Tiny/seeded@")
    shutil.rmtree(stored)  # a pruned hub cache leaves dangling links: found out, fetched again
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"HF_HUB_OFFLINE is set.*local-dir:PATH"):
        load_embedder("openclip:Tiny/seeded", cache=cache, device="cpu")


def test_a_model_with_a_tokenizer_of_its_own_is_loaded_offline(tmp_path: Path, monkeypatch) -> None:
    """As SigLIP 2 comes: its text tower, and a tokenizer that `transformers` reads from files of the directory."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    folder = make_siglip(tmp_path / "siglip")
    model = load_embedder(f"openclip:local-dir:{folder}", cache=tmp_path / "cache", device="cpu")
    texts = model.embed_texts(["a lion", "a lion on grass", "grass", "A  LION"])
    assert texts.shape == (4, DIMENSION)
    np.testing.assert_allclose(texts[0], texts[3], atol=1e-6)  # its tokenizer makes them the same
    assert np.linalg.norm(texts[0] - texts[2]) > 1e-3
    assert model.embed_images(pictures(2)).shape == (2, DIMENSION)
    before = model_identity(f"openclip:local-dir:{folder}", tmp_path / "cache")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    assert model_identity(f"openclip:local-dir:{folder}", tmp_path / "cache") == before
    with pytest.raises(ModelError, match="its tokenizer's files"):
        load_embedder(f"openclip:local-dir:{folder}", cache=tmp_path / "cache", device="cpu")
