"""OpenCLIP models: by architecture and pretrained tag, or from a local directory.

    openclip:ViT-B-32/laion2b_s34b_b79k      tags as `open_clip.list_pretrained()` has them
    openclip:local-dir:/models/vit-b-32      open_clip_config.json, weights, and tokenizer files if it needs them

Where the weights come from and what they are is `openclip_weights`' business.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heaters.errors import ModelError
from heaters.models.embedder import Embedder, Towers, Vectors, normalised, resolve_device
from heaters.models.openclip_weights import LOCAL, Checkpoint, find

if TYPE_CHECKING:
    from PIL.Image import Image

# Images (or texts) a forward pass takes; a GPU is full at this, a CPU's caches are not yet.
_BATCH = {"cuda": 128, "cpu": 16}


def identity(rest: str, cache: Path) -> tuple[str, int]:
    """(identity, dimension); finds (and if need be downloads) the weights, for their checksum."""
    checkpoint = find(rest, cache)
    return checkpoint.model, checkpoint.dimension


def load(rest: str, device: str, cache: Path, towers: Towers) -> Embedder:
    """Load an OpenCLIP model. Raises as `load_embedder`."""
    chosen = resolve_device(device)
    return OpenClip(checkpoint=find(rest, cache), device=chosen, towers=towers)


class OpenClip:
    """The loaded model; see `Embedder`. On a GPU it computes in half precision and normalises in float32."""

    def __init__(self, *, checkpoint: Checkpoint, device: str, towers: Towers) -> None:
        import open_clip

        self.model = checkpoint.model
        self.dimension = checkpoint.dimension
        self.device = device
        self.note = f"{checkpoint.name}: OpenCLIP, {checkpoint.dimension} dimensions (set by HEATERS_MODEL)"
        self._towers = towers
        architecture = f"{LOCAL}{checkpoint.folder}"
        try:
            self._network = open_clip.create_model(architecture, device="cpu", require_pretrained=True).eval()
            self._tokenizer = open_clip.get_tokenizer(architecture) if towers != "image" else None
        except Exception as error:  # open_clip raises whatever its parts do, from KeyError to UnpicklingError
            raise ModelError(
                f"{checkpoint.name} could not be loaded from {checkpoint.folder}: {_first_line(error)}; the directory "
                "must hold an open_clip_config.json, the weights made for it, and its tokenizer's files"
            ) from error
        self._transform = _transform(self._network)
        _drop_other_tower(self._network, towers)
        self._network.to(device)

    def embed_images(self, images: "Sequence[Image]") -> Vectors:
        """See `Embedder`."""
        import torch

        if self._towers == "text":
            raise ModelError(f"{self.model} was loaded without its image tower")
        found = [np.zeros((0, self.dimension), np.float32)]
        with ThreadPoolExecutor(torch.get_num_threads()) as threads:
            for batch in _batches(images, _BATCH[self.device]):
                pixels = torch.stack(list(threads.map(self._transform, batch)))
                found.append(self._run(self._network.encode_image, pixels))
        return np.concatenate(found)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        if self._tokenizer is None:
            raise ModelError(f"{self.model} was loaded without its text tower")
        found = [np.zeros((0, self.dimension), np.float32)]
        for batch in _batches(texts, _BATCH[self.device]):
            found.append(self._run(self._network.encode_text, self._tokenizer(list(batch))))
        return np.concatenate(found)

    def _run(self, encode: Any, batch: Any) -> Vectors:
        import torch

        with torch.inference_mode(), _half_precision(self.device):
            vectors = encode(batch.to(self.device, non_blocking=True))
        return normalised(vectors.float().cpu().numpy())


def _transform(network: Any) -> Any:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    return image_transform_v2(PreprocessCfg(**network.visual.preprocess_cfg), is_train=False)


def _half_precision(device: str) -> AbstractContextManager[Any]:
    import torch

    if device != "cuda":
        return nullcontext()
    # bfloat16 keeps float32's range; cards before Ampere have only float16.
    kind = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.autocast("cuda", dtype=kind)


def _drop_other_tower(network: Any, towers: Towers) -> None:
    """Free the half that will not be used. Text towers lie in `text`, or flat on the model in CLIP's own class."""
    if towers == "text":
        network.visual = None
    elif towers == "image":
        for name in ("text", "transformer", "token_embedding", "ln_final"):
            if getattr(network, name, None) is not None:
                setattr(network, name, None)


def _batches(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
