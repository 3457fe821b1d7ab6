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
