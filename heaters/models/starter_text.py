"""MiniLM (all-MiniLM-L6-v2) in plain PyTorch: sentences → unit vectors [n, 384].

Written out here, in 60 lines, because importing transformers costs seconds in every search. It does not know
the images.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer

DIMENSION = 384
_LAYERS = 6
_HEADS = 12
_EPSILON = 1e-12
# The model was trained on at most 128 word pieces; what is longer is cut.
_LONGEST_TOKENS = 128
_BATCH = 64


class MiniLM:
    """The sentence encoder, on one device. `folder` is the model's directory (weights and tokenizer)."""

    def __init__(self, folder: Path, device: str) -> None:
        self._device = device
        self._weights: Mapping[str, torch.Tensor] = load_file(folder / "model.safetensors", device=device)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_LONGEST_TOKENS)
        self._tokenizer.enable_padding()

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Texts → float32 [n, 384], rows of length 1."""
        if not texts:
            return np.zeros((0, DIMENSION), np.float32)
        # Texts of similar length share a batch, so that little is padding.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        result = np.empty((len(texts), DIMENSION), np.float32)
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            result[chosen] = self._encode([texts[index] for index in chosen])
        return result

    @torch.inference_mode()
    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        encodings = self._tokenizer.encode_batch(texts)
        ids = torch.tensor([encoding.ids for encoding in encodings], device=self._device)
        mask = torch.tensor([encoding.attention_mask for encoding in encodings], device=self._device, dtype=torch.bool)
        hidden = self._transformer(ids, mask)
        kept = mask[..., None].to(hidden.dtype)
        mean = (hidden * kept).sum(1) / kept.sum(1)
        vectors: NDArray[np.float32] = functional.normalize(mean, dim=-1).float().cpu().numpy()
        return vectors

    def _transformer(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """BERT's encoder (Devlin et al. 2018): ids [n, t] → hidden states [n, t, 384]."""
        weights = self._weights
        places = weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        # One sentence each: every token is of type 0.
        embedded = weights["embeddings.word_embeddings.weight"][ids] + places
        embedded = embedded + weights["embeddings.token_type_embeddings.weight"][0]
        hidden = self._norm("embeddings.LayerNorm", embedded)
        for layer in range(_LAYERS):
            prefix = f"encoder.layer.{layer}."
            hidden = self._norm(prefix + "attention.output.LayerNorm", hidden + self._attention(prefix, hidden, mask))
            inner = functional.gelu(self._linear(prefix + "intermediate.dense", hidden))
            hidden = self._norm(prefix + "output.LayerNorm", hidden + self._linear(prefix + "output.dense", inner))
        return hidden

    def _attention(self, prefix: str, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        count, length, width = hidden.shape

        def heads(name: str) -> torch.Tensor:
            projected = self._linear(f"{prefix}attention.self.{name}", hidden)
            return projected.view(count, length, _HEADS, width // _HEADS).transpose(1, 2)

        mixed = functional.scaled_dot_product_attention(
            heads("query"), heads("key"), heads("value"), attn_mask=mask[:, None, None, :]
        )
        joined = mixed.transpose(1, 2).reshape(count, length, width)
        return self._linear(prefix + "attention.output.dense", joined)

    def _linear(self, name: str, value: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = functional.linear(value, self._weights[name + ".weight"], self._weights[name + ".bias"])
        return result

    def _norm(self, name: str, value: torch.Tensor) -> torch.Tensor:
        weight, bias = self._weights[name + ".weight"], self._weights[name + ".bias"]
        result: torch.Tensor = functional.layer_norm(value, weight.shape, weight, bias, _EPSILON)
        return result
