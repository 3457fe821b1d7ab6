"""What a form's writer leaves of one shard, and how bytes are copied on the way: hashed, and refused if wrong."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heaters.dataset.records import Part, Sample
from heaters.errors import IntegrityError, StageError
from heaters.store.files import CHUNK_BYTES


@dataclass(slots=True, kw_only=True)
class Written:
    """A shard as it lies in the output: its file, and which samples are in it. `failed` are the others, with why."""

    file: str
    size_bytes: int = 0
    sha256: str = ""
    more_bytes: int = 0  # in files of their own beside it
    samples: list[Sample] = field(default_factory=list)
    failed: list[tuple[Sample, StageError]] = field(default_factory=list)


def copy_checked(part: Part, path: Path, take: Callable[[bytes], object]) -> None:
    """Give a part's bytes to `take`. Raises IntegrityError, afterwards, unless they are those of the database."""
    digest, size_bytes = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                size_bytes += len(chunk)
                if size_bytes > part.size_bytes:
                    break
                digest.update(chunk)
                take(chunk)
    except OSError as error:
        raise IntegrityError(f"{part.key} cannot be read: {error}") from error
    if (size_bytes, digest.hexdigest()) != (part.size_bytes, part.sha256):
        raise IntegrityError(
            f"{part.key} must hold {part.size_bytes} bytes with SHA-256 {part.sha256[:16]}…; its bytes are others"
        )


# What is empty for many clips, or differs in its keys: loaders that infer types from the first samples (`datasets`)
# would fail at the first clip that has some.
AS_TEXT = ("review", "parents", "provenance", "facts")


def record_bytes(record: dict[str, Any]) -> bytes:
    """A record as JSON, always the same bytes for the same record; what stands in AS_TEXT is JSON text inside it."""
    return _json({**record, **{name: _json(record[name]).decode() for name in AS_TEXT}})


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def vector_bytes(vector: NDArray[np.float16]) -> bytes:
    """A vector as a .npy file."""
    import io

    buffer = io.BytesIO()
    np.save(buffer, vector, allow_pickle=False)
    return buffer.getvalue()
