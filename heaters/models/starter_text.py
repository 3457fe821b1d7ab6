"""MiniLM (all-MiniLM-L6-v2) in plain numpy: sentences → unit vectors [n, 384].

Written out here because importing torch, and transformers even more, would cost a second in every search. It does not
know the images.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Array = NDArray[np.float32]

DIMENSION = 384
_LAYERS = 6
_HEADS = 12
_EPSILON = 1e-12
# The model was trained on at most 128 word pieces; what is longer is cut.
_LONGEST_TOKENS = 128
# Values that a layer makes at a time stay in the caches: 64 texts at a time were slower.
_BATCH = 16
# Of the error function, by Abramowitz and Stegun, "Handbook of Mathematical Functions", 7.1.26: at most 1.5e-7 off.
_ERF = tuple(map(np.float32, (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)))
_ERF_SCALE = np.float32(0.3275911)


class MiniLM:
    """The sentence encoder. `folder` is the model's directory (weights and tokenizer)."""

    def __init__(self, folder: Path) -> None:
        self._weights = mapped(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_LONGEST_TOKENS)
        self._tokenizer.enable_padding()

    def __call__(self, texts: Sequence[str]) -> Array:
        """Texts → float32 [n, 384], rows of length 1."""
        # Texts of similar length share a batch, so that little is padding.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        result = np.zeros((len(texts), DIMENSION), np.float32)
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            result[chosen] = self._encode([texts[index] for index in chosen])
        return result

    def _encode(self, texts: list[str]) -> Array:
        encodings = self._tokenizer.encode_batch(texts)
        ids = np.array([encoding.ids for encoding in encodings])
        kept = np.array([encoding.attention_mask for encoding in encodings], np.float32)
        hidden = self._transformer(ids, kept)
        mean: Array = (hidden * kept[..., None]).sum(1) / kept.sum(1, keepdims=True)
        vectors: Array = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return vectors

    def _transformer(self, ids: NDArray[np.int64], kept: Array) -> Array:
        """BERT's encoder (Devlin et al. 2018): ids [n, t], and 1 for what is no padding → hidden states [n, t, 384]."""
        weights = self._weights
        places = weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        # One sentence each: every token is of type 0.
        embedded = weights["embeddings.word_embeddings.weight"][ids] + places
        hidden = self._norm("embeddings.LayerNorm", embedded + weights["embeddings.token_type_embeddings.weight"][0])
        unseen = ((1 - kept) * np.float32(-1e9))[:, None, None, :]
        for layer in range(_LAYERS):
            prefix = f"encoder.layer.{layer}."
            hidden = self._norm(prefix + "attention.output.LayerNorm", hidden + self._attention(prefix, hidden, unseen))
            inner = gelu(self._linear(prefix + "intermediate.dense", hidden))
            hidden = self._norm(prefix + "output.LayerNorm", hidden + self._linear(prefix + "output.dense", inner))
        return hidden

    def _attention(self, prefix: str, hidden: Array, unseen: Array) -> Array:
        count, length, width = hidden.shape

        def heads(name: str) -> Array:
            projected = self._linear(f"{prefix}attention.self.{name}", hidden)
            return projected.reshape(count, length, _HEADS, width // _HEADS).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.float32((width // _HEADS) ** 0.5) + unseen
        likely = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (likely / likely.sum(-1, keepdims=True)) @ heads("value")
        joined = mixed.transpose(0, 2, 1, 3).reshape(count, length, width)
        return self._linear(prefix + "attention.output.dense", joined)

    def _linear(self, name: str, value: Array) -> Array:
        # Flat, as numpy would call the library once for each text.
        flat: Array = value.reshape(-1, value.shape[-1]) @ self._weights[name + ".weight"].T
        flat += self._weights[name + ".bias"]
        return flat.reshape(*value.shape[:-1], -1)

    def _norm(self, name: str, value: Array) -> Array:
        value = value - value.mean(-1, keepdims=True)
        spread = np.sqrt(np.square(value).mean(-1, keepdims=True) + np.float32(_EPSILON))
        normal: Array = value / spread * self._weights[name + ".weight"] + self._weights[name + ".bias"]
        return normal


def gelu(x: Array) -> Array:
    """x · Φ(x), with the normal distribution itself, not the approximation by tanh."""
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + _ERF_SCALE * z)
    series = np.full_like(t, _ERF[0])
    for coefficient in _ERF[1:]:
        series = series * t + coefficient
    tail = series * t * np.exp(-z * z)  # 1 - erf(|x|/√2)
    value: Array = np.float32(0.5) * (x + np.abs(x) * (1 - tail))
    return value


def mapped(path: Path) -> Mapping[str, Array]:
    """The float32 tensors of a safetensors file by name, as they lie in the file: nothing is read before it is used."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    data = np.memmap(path, np.uint8, "r", offset=8 + size)
    return {
        name: data[slice(*tensor["data_offsets"])].view(np.float32).reshape(tensor["shape"])
        for name, tensor in header.items()
        if name != "__metadata__" and tensor["dtype"] == "F32"
    }
