"""The one interface of every embedding model: images and texts into one space, cosine between them.

It does not know how a model works: `starter` and `openclip` are modules of this package with the same two
functions.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from heaters.errors import ConfigError, ModelError, RuleError

if TYPE_CHECKING:
    from PIL.Image import Image

Vectors: TypeAlias = NDArray[np.float32]
Towers: TypeAlias = Literal["both", "image", "text"]

# A norm below this is a failed computation, not a direction.
_SMALLEST_NORM = 1e-6


class Embedder(Protocol):
    """A loaded model.

    `model` is the identity of its space, `name@revision`: vectors are compared only if it is equal. The
    revision covers the weights and the preprocessing. `note` is one line for people: what this is and how to
    switch.
    """

    @property
    def model(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def device(self) -> str: ...
    @property
    def note(self) -> str: ...

    def embed_images(self, images: "Iterable[Image]") -> Vectors:
        """Images of any size and mode → float32 [n, dimension], rows of length 1. Raises ModelError.

        An iterator is read while the model works on the images before.
        """
        ...

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts → float32 [n, dimension], rows of length 1. Raises ModelError."""
        ...


def load_embedder(name: str, *, cache: Path, device: str = "auto", towers: Towers = "both") -> Embedder:
    """Load the model `name`: `starter`, `openclip:NAME/PRETRAINED` or `openclip:local-dir:PATH`.

    `device` is auto, cpu or cuda. `cache` is a folder for what is computed or downloaded once; it is made if
    missing. `towers` loads only what is needed; calling the other one raises ModelError.
    Raises ConfigError for an unknown name, a missing package, folder or device; ModelError for weights that
    cannot be had, are damaged, or do not fit the model.
    """
    family, _, rest = name.partition(":")
    return _family(name, family)[0](rest, device, cache, towers)


def model_identity(name: str, cache: Path) -> tuple[str, int]:
    """(identity, dimension) of the model `name`, without building its network. Raises as `load_embedder`.

    The starter's is constant; OpenCLIP's needs the checkpoint's checksum, which is remembered under `cache`.
    """
    family, _, rest = name.partition(":")
    return _family(name, family)[1](rest, cache)


def pool(vectors: Vectors, strategy: str) -> Vectors:
    """Pool a clip's stills, float32 [k, d] in time order, to the clip's vector, float32 [d], length 1.

    `single` takes the middle still; `multi_average` the normalised mean of the normalised vectors.
    Raises RuleError for an unknown strategy or no vectors; ModelError when the result has no direction.
    """
    if strategy not in _POOLS:
        raise RuleError(f"an embedding strategy is one of {', '.join(_POOLS)}; got {strategy!r}")
    if vectors.ndim != 2 or not len(vectors):
        raise RuleError(f"pooling takes vectors [k, d] with k ≥ 1; got shape {vectors.shape}")
    return normalised(_POOLS[strategy](normalised(vectors)))


def normalised(vectors: NDArray[np.floating]) -> Vectors:
    """Rows (or one vector) scaled to length 1 in float32. Raises ModelError for a zero or non-finite one."""
    full = vectors.astype(np.float32, copy=False)
    norms = np.linalg.norm(full, axis=-1, keepdims=True)
    if not np.isfinite(norms).all() or (norms < _SMALLEST_NORM).any():
        bad = int(np.count_nonzero(~(norms >= _SMALLEST_NORM) | ~np.isfinite(norms)))
        raise ModelError(f"a vector must be finite and not zero; {bad} of {norms.size} are not")
    return np.asarray(full / norms, dtype=np.float32)


def resolve_device(device: str) -> str:
    """auto, cpu or cuda → cpu or cuda. Raises ConfigError when cuda was asked for and is not there."""
    import torch  # slow to import; whoever only pools or asks for an identity does without

    if device not in {"auto", "cpu", "cuda"}:
        raise ConfigError(f"a device is auto, cpu or cuda; got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("HEATERS_DEVICE=cuda, but PyTorch finds no CUDA device here; use auto or cpu")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


_Loader: TypeAlias = Callable[[str, str, Path, Towers], Embedder]
_Identity: TypeAlias = Callable[[str, Path], tuple[str, int]]


def _starter() -> tuple[_Loader, _Identity]:
    from heaters.models import starter

    return starter.load, starter.identity


def _openclip() -> tuple[_Loader, _Identity]:
    from heaters.models import openclip

    return openclip.load, openclip.identity


_FAMILIES: dict[str, Callable[[], tuple[_Loader, _Identity]]] = {"starter": _starter, "openclip": _openclip}

_POOLS: dict[str, Callable[[Vectors], Vectors]] = {
    "single": lambda vectors: vectors[len(vectors) // 2],
    "multi_average": lambda vectors: vectors.mean(axis=0),
}


def _family(name: str, family: str) -> tuple[_Loader, _Identity]:
    if family not in _FAMILIES:
        raise ConfigError(
            "HEATERS_MODEL must be starter, openclip:NAME/PRETRAINED (such as "
            f"openclip:ViT-B-32/laion2b_s34b_b79k) or openclip:local-dir:PATH; got {name!r}"
        )
    return _FAMILIES[family]()
