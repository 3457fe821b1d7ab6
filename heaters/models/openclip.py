"""OpenCLIP models: by architecture and pretrained tag, or from a local directory.

    openclip:ViT-B-32/laion2b_s34b_b79k      tags as `open_clip.list_pretrained()` has them
    openclip:local-dir:/models/vit-b-32      open_clip_config.json, weights, and tokenizer files if it needs them

Where the weights come from and what they are is `openclip_weights`' business.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heaters.errors import ModelError
from heaters.models.batch_size import BatchSize
from heaters.models.batches import ahead, fitting, grouped
from heaters.models.embedder import Embedder, Towers, Vectors, normalised, resolve_device
from heaters.models.openclip_weights import LOCAL, Checkpoint, find

if TYPE_CHECKING:
    from PIL.Image import Image

# Images (or texts) a forward pass takes; a CPU's caches are full at this. A GPU is tried as soon as there are so many.
_BATCH = {"cuda": 32, "cpu": 16}
# Images that are preprocessed before the network asks for them, in batches.
_AHEAD = 2


def identity(rest: str, cache: Path) -> tuple[str, int]:
    """(identity, dimension); finds (and if need be downloads) the weights, for their checksum."""
    checkpoint = find(rest, cache)
    return checkpoint.model, checkpoint.dimension


def load(rest: str, device: str, cache: Path, towers: Towers) -> Embedder:
    """Load an OpenCLIP model. Raises as `load_embedder`."""
    chosen = resolve_device(device)
    return OpenClip(checkpoint=find(rest, cache), device=chosen, towers=towers, cache=cache)


class OpenClip:
    """The loaded model; see `Embedder`. On a GPU it computes in half precision and normalises in float32."""

    def __init__(self, *, checkpoint: Checkpoint, device: str, towers: Towers, cache: Path) -> None:
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
        self._shape, self._scale = _transforms(self._network)
        self._batch = _BATCH[device]
        self._sizes = _sizes(checkpoint.model, cache) if device == "cuda" else None
        self._probed = self._sizes is None
        _drop_other_tower(self._network, towers)
        self._network.to(device)

    def embed_images(self, images: "Iterable[Image]") -> Vectors:
        """See `Embedder`."""
        import torch

        if self._towers == "text":
            raise ModelError(f"{self.model} was loaded without its image tower")
        threads = torch.get_num_threads()
        ready = ahead(self._shape, images, threads=threads, most=_AHEAD * self._batch + threads)
        found = [np.zeros((0, self.dimension), np.float32)]
        for batch in grouped(ready, lambda: self._batch):
            if self._sizes is not None and not self._probed and len(batch) == self._batch:
                self._batch = self._sizes.find(lambda size, one=batch[0]: self._seconds([one] * size))  # type: ignore[misc]
                self._probed = True
            found += self._fitting(self._images, batch)
        return np.concatenate(found)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        if self._tokenizer is None:
            raise ModelError(f"{self.model} was loaded without its text tower")
        tokenizer, found = self._tokenizer, [np.zeros((0, self.dimension), np.float32)]
        for batch in grouped(texts, lambda: self._batch):
            found += self._fitting(lambda part: self._run(self._network.encode_text, tokenizer(part)), batch)
        return np.concatenate(found)

    def _fitting(self, do: Callable[[list[Any]], Vectors], batch: list[Any]) -> list[Vectors]:
        import torch

        return fitting(do, batch, too_large=torch.OutOfMemoryError, halve=self._halve)

    def _halve(self, failed: int) -> None:
        self._batch = self._sizes.halve(failed) if self._sizes is not None else max(failed // 2, 1)

    def _images(self, shaped: list[Any]) -> Vectors:
        """uint8 [3, h, w] each → vectors. The device scales them: a quarter of the bytes go there."""
        import torch

        pixels = torch.stack(shaped)
        if self.device == "cuda":
            pixels = pixels.pin_memory()
        return self._run(lambda batch: self._network.encode_image(self._scale(batch)), pixels)

    def _seconds(self, shaped: list[Any]) -> float:
        """How long a batch takes, once it has been done before."""
        self._images(shaped)
        begun = time.perf_counter()
        self._images(shaped)
        return time.perf_counter() - begun

    def _run(self, encode: Any, batch: Any) -> Vectors:
        import torch

        with torch.inference_mode(), _half_precision(self.device):
            vectors = encode(batch.to(self.device, non_blocking=True))
        return normalised(vectors.float().cpu().numpy())


def _transforms(network: Any) -> tuple[Any, Any]:
    """Open_clip's preprocessing in two: PIL → uint8 [3, h, w] on the CPU, and the scaling of a batch on the device."""
    from open_clip.transform import PreprocessCfg, image_transform_v2
    from torchvision import transforms

    steps = image_transform_v2(PreprocessCfg(**network.visual.preprocess_cfg), is_train=False).transforms
    *shape, last_but_one, scale = steps
    if not isinstance(last_but_one, transforms.ToTensor) or not isinstance(scale, transforms.Normalize):
        raise ModelError(f"open_clip's preprocessing must end by ToTensor and Normalize; got {steps}")
    return transforms.Compose([*shape, transforms.PILToTensor()]), lambda batch: scale(batch.float() / 255)


def _sizes(model: str, cache: Path) -> BatchSize:
    import torch

    return BatchSize(f"{torch.cuda.get_device_name()}|{model}|half|{torch.__version__}", cache)


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


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
