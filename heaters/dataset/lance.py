"""The form `lance`: one table `data.lance` with the files' bytes in its rows; each shard is one commit of Lance's own.

Lance keeps its own log of commits. A run killed between a commit and our index entry finds the rows there, and only
writes the entry.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heaters.dataset.bring import Brought
from heaters.dataset.recipe import Recipe, Shard
from heaters.dataset.sink import Folder, Sink
from heaters.dataset.table import schema, table
from heaters.dataset.written import Written, copy_checked
from heaters.errors import StageError, StoreError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "data.lance"


def write(sink: Sink, shard: Shard, recipe: Recipe, brought: Iterable[Brought]) -> Written:
    """Append a shard's rows, those that are not there. A sample whose bytes are wrong is left out and reported."""
    import lance
    import pyarrow as pa

    place = str(_folder(sink) / NAME)
    written = Written(file=NAME)
    there = _there(place, shard)
    batches = _batches(written, there, recipe, brought)
    first = next(batches, None)
    if first is None:
        return written

    def rows() -> Iterator["pa.RecordBatch"]:
        yield first
        yield from batches

    try:
        reader = pa.RecordBatchReader.from_batches(first.schema, rows())
        lance.write_dataset(reader, place, mode="append" if Path(place).exists() else "create")
    except OSError as error:
        raise StoreError(f"{place} could not be written: {error}") from error
    return written


def _batches(
    written: Written, there: set[str], recipe: Recipe, brought: Iterable[Brought]
) -> Iterator["pa.RecordBatch"]:
    """A batch for each sample, so that one clip's bytes are in memory at a time."""
    for one in brought:
        try:
            if one.error:
                raise one.error
            if one.sample.name not in there:
                row = _with_bytes(one)
                dimension = 0 if one.sample.vector is None else len(one.sample.vector)
                made = table([row], [one.sample], recipe, inline=True).cast(schema(dimension, inline=True))
                yield from made.to_batches()
        except StageError as error:
            written.failed.append((one.sample, error))
        else:
            written.samples.append(one.sample)
            written.more_bytes += one.sample.size_bytes


def _with_bytes(one: Brought) -> dict[str, Any]:
    found = []
    for part, path in zip(one.sample.parts, one.paths, strict=True):
        pieces: list[bytes] = []
        copy_checked(part, path, pieces.append)
        found.append(b"".join(pieces))
    stills = [{**still, "bytes": data} for still, data in zip(one.sample.record["stills"], found[1:], strict=True)]
    return {**one.sample.record, "video_bytes": found[0], "stills": stills}


def _there(place: str, shard: Shard) -> set[str]:
    """The samples of a shard that Lance has committed."""
    import lance

    if not Path(place).exists():
        return set()
    names = {clip.sample for clip in shard.clips}
    column = lance.dataset(place).to_table(columns=["sample"]).column("sample").to_pylist()
    return names & set(column)


def _folder(sink: Sink) -> Path:
    if not isinstance(sink, Folder):
        raise UsageError("--format lance writes to a folder on this machine alone; for S3 choose webdataset or parquet")
    return sink.root
