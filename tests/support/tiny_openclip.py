"""A tiny OpenCLIP model with seeded random weights: open_clip's own code, no download."""

import json
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

DIMENSION = 24
CONFIG = {
    "model_cfg": {
        "embed_dim": DIMENSION,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bilinear"},
}


def make_model(folder: Path, seed: int = 0, *, custom_text: bool = False) -> Path:
    """A directory as `local-dir:` wants it."""
    folder.mkdir(parents=True)
    network = CONFIG["model_cfg"] | ({"custom_text": True} if custom_text else {})
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG | {"model_cfg": network}))
    torch.manual_seed(seed)
    kind = open_clip.CustomTextCLIP if custom_text else open_clip.CLIP
    tensors = kind(**CONFIG["model_cfg"]).state_dict()
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()},
        folder / "open_clip_model.safetensors",
    )
    return folder


def make_siglip(folder: Path, seed: int = 0) -> Path:
    """A directory shaped like SigLIP 2's: no causal mask, a Hugging Face tokenizer in files beside the weights."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True)
    words = ["<pad>", "<eos>", "<unk>", "a", "lion", "on", "grass"]
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"pad_token": "<pad>", "eos_token": "<eos>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    text = {
        "context_length": 16,
        "vocab_size": len(words),
        "hf_tokenizer_name": "someone/not-on-this-machine",
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "width": 32,
        "heads": 2,
        "layers": 2,
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
    }
    network = CONFIG["model_cfg"] | {"text_cfg": text, "custom_text": True, "init_logit_bias": -10}
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG | {"model_cfg": network}))
    torch.manual_seed(seed)
    made = {name: value for name, value in network.items() if name != "custom_text"}
    tensors = open_clip.CustomTextCLIP(**made).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "open_clip_model.safetensors")
    return folder
