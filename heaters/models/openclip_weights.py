"""An OpenCLIP model as a directory: configuration, weights, tokenizer; and from those bytes, its revision.

A pretrained tag is fetched from the hub once and laid out as such a directory under the cache, so that every later
load is offline and goes the same way as `local-dir:`. It does not load the network.
"""

import hashlib
import json
import os
import shutil
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heaters.errors import ConfigError, ModelError

LOCAL = "local-dir:"
_CONFIG = "open_clip_config.json"
_TOKENIZER_FILES = ["config.json", "tokenizer*", "special_tokens_map.json", "vocab*", "merges.txt", "*.model"]
# Without a network the error must come at once; the hub's client alone would retry for 23 seconds.
_HUB_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A model that can be loaded from `folder`. `name` is what the operator set, `model` its identity."""

    name: str
    model: str
    dimension: int
    folder: Path


def find(rest: str, cache: Path) -> Checkpoint:
    """`NAME/PRETRAINED` or `local-dir:PATH` → the checkpoint, downloaded if that is needed.

    Raises ConfigError for names and folders that are not there, ModelError when a download fails.
    """
    if rest.startswith(LOCAL):
        folder = Path(rest.removeprefix(LOCAL)).expanduser().absolute()
        return _checkpoint(f"openclip:{rest}", f"openclip:{folder.name}", folder, cache)
    name, tag, config = _known(rest)
    folder = cache / "openclip" / name / tag
    if not _complete(folder):
        _fetch(rest, config, folder, cache)
    return _checkpoint(f"openclip:{rest}", f"openclip:{name}/{tag}", folder, cache)


def _checkpoint(name: str, identity: str, folder: Path, cache: Path) -> Checkpoint:
    from open_clip.factory import _find_checkpoint_in_dir

    if not folder.is_dir():
        raise ConfigError(f"HEATERS_MODEL={name}: there is no such directory")
    try:
        config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        dimension = int(config["model_cfg"]["embed_dim"])
    except FileNotFoundError:
        raise ConfigError(f"HEATERS_MODEL={name}: the directory must hold {_CONFIG}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"HEATERS_MODEL={name}: {_CONFIG} must be JSON with model_cfg.embed_dim; "
            f"got {type(error).__name__}: {error}"
        ) from error
    weights = _find_checkpoint_in_dir(folder)
    if weights is None:
        raise ConfigError(f"HEATERS_MODEL={name}: the directory must hold weights (.safetensors, .bin or .pth)")
    # The configuration is part of what the vectors mean: preprocessing, activation, context length.
    bytes_and_config = json.dumps([_file_sha256(Path(weights), cache), config], sort_keys=True)
    word = hashlib.sha256(bytes_and_config.encode()).hexdigest()[:12]
    return Checkpoint(name=name, model=f"{identity}@{word}", dimension=dimension, folder=folder)


def _known(rest: str) -> tuple[str, str, dict[str, Any]]:
    """`NAME/PRETRAINED` → the name, the tag and the model's configuration as `open_clip_config.json` has it."""
    import open_clip

    name, _, tag = rest.partition("/")
    network = open_clip.get_model_config(name) if name else None
    if network is None:
        raise ConfigError(
            f"HEATERS_MODEL=openclip:{rest}: open_clip has no architecture {name!r}; write NAME/PRETRAINED, such as "
            f"ViT-B-32/laion2b_s34b_b79k, or {LOCAL}PATH"
        )
    details = open_clip.get_pretrained_cfg(name, tag) if tag else {}
    if not details.get("hf_hub"):
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise ConfigError(f"HEATERS_MODEL=openclip:{rest}: {name} has no weights {tag!r}; it has: {tags}")
    if details.get("quick_gelu"):
        # OpenAI's weights were trained with it; open_clip itself would only warn, and embed wrongly.
        network["quick_gelu"] = True
    preprocess = {key: details[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in details}
    return name, tag, {"model_cfg": network, "preprocess_cfg": preprocess, "hub": details["hf_hub"]}


def _complete(folder: Path) -> bool:
    """Whether a fetched directory is whole: the links of a hub cache that was pruned since lead nowhere."""
    return (folder / _CONFIG).is_file() and all(path.exists() for path in folder.iterdir())


def _fetch(rest: str, config: Mapping[str, Any], folder: Path, cache: Path) -> None:
    """Make `folder` from the hub's files. Safe with several processes: built aside, then renamed."""
    repository, _, file = str(config["hub"]).rpartition("/")
    choices = [file] if file else ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"]
    weights = _hub_file(rest, repository, choices, cache)
    tokenizer = config["model_cfg"]["text_cfg"].get("hf_tokenizer_name")
    files = {path.name: path for path in (_tokenizer_files(rest, tokenizer, cache) if tokenizer else [])}
    files[f"open_clip_model{weights.suffix}"] = weights
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-") as made:
            aside = Path(made) / "model"
            aside.mkdir()
            for name, path in files.items():
                (aside / name).symlink_to(path)
            (aside / _CONFIG).write_text(json.dumps(config, indent=1), encoding="utf-8")
            if folder.exists() and not _complete(folder):
                shutil.rmtree(folder)
            try:
                aside.rename(folder)
            except OSError:
                if not _complete(folder):  # else another process was first; its directory is the same
                    raise
    except OSError as error:
        raise ModelError(f"openclip:{rest} cannot be kept under {cache}: {error}") from error


def _hub_file(rest: str, repository: str, choices: list[str], cache: Path) -> Path:
    """The first of `choices` that is in the user's or our own hub cache, else that the hub has."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    for folder in (None, cache / "hub"):
        for choice in choices:
            try:
                return Path(hf_hub_download(repository, choice, cache_dir=folder, local_files_only=True))
            except LocalEntryNotFoundError:
                continue
    _reach_hub(rest, repository)
    failure: Exception | None = None
    for choice in choices:
        try:
            return Path(hf_hub_download(repository, choice, cache_dir=cache / "hub", etag_timeout=_HUB_SECONDS))
        except Exception as error:  # its own, its HTTP library's, the disk's
            failure = error
    raise _unreachable(rest, repository, failure) from failure


def _tokenizer_files(rest: str, repository: str, cache: Path) -> list[Path]:
    from huggingface_hub import snapshot_download

    for folder, local in ((None, True), (cache / "hub", True), (cache / "hub", False)):
        try:
            if not local:
                _reach_hub(rest, repository)
            found = snapshot_download(
                repository,
                cache_dir=folder,
                local_files_only=local,
                allow_patterns=_TOKENIZER_FILES,
                etag_timeout=_HUB_SECONDS,
            )
        except Exception as error:  # its own, its HTTP library's, the disk's
            if not local:
                raise _unreachable(rest, repository, error) from error
            continue
        files = [path for path in Path(found).iterdir() if any(path.match(one) for one in _TOKENIZER_FILES)]
        if files:
            return files
    raise _unreachable(rest, repository, None)


def _reach_hub(rest: str, repository: str) -> None:
    """One request with a short limit (it goes through a proxy if one is set): being offline is told at once."""
    from huggingface_hub import constants

    if constants.is_offline_mode():
        raise _unreachable(rest, repository, ConnectionError("HF_HUB_OFFLINE is set"))
    try:
        with urllib.request.urlopen(urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=_HUB_SECONDS):
            pass
    except urllib.error.HTTPError:
        pass  # it answered; what it thinks of the file itself is the client's to find out
    except OSError as error:
        if not isinstance(getattr(error, "reason", error), ssl.SSLError):  # the client may trust other authorities
            raise _unreachable(rest, repository, error) from error


def _unreachable(rest: str, repository: str, error: BaseException | None) -> ModelError:
    reason = " ".join(str(error).split())[:200] if error else "it holds no such files"
    return ModelError(
        f"openclip:{rest} is not on this machine and {repository} could not be fetched from the model hub ({reason}); "
        f"put the model in a directory and set HEATERS_MODEL=openclip:{LOCAL}PATH, or use HEATERS_MODEL=starter"
    )


def _file_sha256(path: Path, cache: Path) -> str:
    """SHA-256 of a weights file, remembered under `cache` for its path, size and modification time."""
    real = path.resolve()
    if real.parent.name == "blobs" and len(real.name) == 64:
        return real.name  # the hub's cache names large files by their SHA-256
    state = real.stat()
    memory = cache / "openclip" / "checksums" / hashlib.sha256(str(real).encode()).hexdigest()[:16]
    stamp = f"{state.st_size} {state.st_mtime_ns}"
    try:
        known, _, digest = memory.read_text().rpartition(" ")
    except FileNotFoundError:
        known = digest = ""
    if known == stamp and len(digest) == 64:
        return digest
    with real.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=memory.parent, delete=False) as aside:
            aside.write(f"{stamp} {digest}")
        os.replace(aside.name, memory)  # noqa: PTH105 - from a name, not a path
    except OSError as error:
        raise ModelError(f"checksums of models are kept under {cache}, which cannot be written: {error}") from error
    return digest
