"""Samples as an Arrow table: every column has a type of its own, whatever the first rows happen to hold."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from heaters.core.facts import FACTS
from heaters.dataset.recipe import Recipe
from heaters.dataset.records import Sample
from heaters.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

HOW = "pip install 'heaters[datasets]' brings it"


def table(
    rows: Sequence[dict[str, Any]], samples: Sequence[Sample], recipe: Recipe, *, inline: bool = False
) -> "pa.Table":
    """The rows of some samples, one list of columns for all forms. Provenance is JSON text: sites differ in its keys.

    `inline`: the files' bytes stand in the rows (`video_bytes`, `stills[].bytes`), not where they lie.
    """
    import pyarrow as pa

    filled = []
    for row, sample in zip(rows, samples, strict=True):
        more = {"provenance": json.dumps(row["provenance"], ensure_ascii=False, sort_keys=True)}
        if recipe.model:
            more["vector"] = None if sample.vector is None else sample.vector.astype("float32")  # type: ignore[assignment]
        filled.append({**row, **more})
    dimension = next((len(sample.vector) for sample in samples if sample.vector is not None), 0)
    return pa.Table.from_pylist(filled, schema=schema(dimension if recipe.model else 0, inline=inline))


def schema(dimension: int, *, inline: bool = False) -> "pa.Schema":
    """The columns, with a vector of so many numbers (0: none)."""
    import pyarrow as pa

    text, whole, real, truth = pa.string(), pa.int64(), pa.float64(), pa.bool_()
    cut = pa.struct([("kind", text), ("confidence", real), ("created_by", text)])
    act = pa.struct([("event", whole), ("by", text), ("action", text), ("undoes", whole), ("at", text)])
    where = ("bytes", pa.large_binary()) if inline else ("path", text)
    still = pa.struct([("tag", text), ("frame", whole), ("sha256", text), ("size_bytes", whole), where])
    columns: list[tuple[str, Any]] = [
        *((name, text) for name in ("sample", "split")),
        *((name, whole) for name in ("clip_id", "video_id", "start_frame", "end_frame", "frames")),
        *((name, real) for name in ("start_seconds", "end_seconds", "seconds", "frames_a_second")),
        *((name, truth) for name in ("is_vfr", "is_partial")),
        ("partial_reason", text),
        ("damaged_frames", whole),
        *((name, whole) for name in ("width", "height")),
        ("has_audio", truth),
        *((name, text) for name in ("state", "reviewed_by", "reviewed_at")),
        ("parents", pa.list_(whole)),
        ("group", whole),
        ("start_cut", cut),
        ("end_cut", cut),
        ("review", pa.list_(act)),
        ("facts", pa.struct([(name, real) for name in FACTS])),
        *((name, text) for name in ("source", "source_title", "source_sha256", "provenance")),
        ("video", pa.struct([("profile", text), ("sha256", text), ("size_bytes", whole)])),
        ("video_bytes", pa.large_binary()) if inline else ("video_path", text),
        ("stills", pa.list_(still)),
        ("embedding", pa.struct([("model", text), ("strategy", text), ("images", whole), ("dimension", whole)])),
    ]
    if dimension:
        columns.append(("vector", pa.list_(pa.float32(), dimension)))
    return pa.schema(columns)


def needs(module: str, form: str) -> None:
    """Raises ConfigError, with what to do, where a library that a form is written with is not installed."""
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise ConfigError(f"--format {form} needs the library {module}: {HOW}")
