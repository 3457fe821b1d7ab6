"""The form `parquet`: a row a clip with typed columns, and the files beside, each under its own name.

    train/<shard>.parquet            rows; `video_path` and `stills[].path` are relative to the output
    files/<split>/<sample>.mp4       and <sample>.p25.jpg, …

A file is written before the row that names it, so no row ever points to nothing.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from heaters.dataset.bring import Brought
from heaters.dataset.recipe import Recipe, Shard
from heaters.dataset.records import Part, Sample
from heaters.dataset.sink import Sink
from heaters.dataset.table import table
from heaters.dataset.written import Written, copy_checked
from heaters.errors import StageError
from heaters.store.files import sha256_of

PARTS_AT_ONCE = 8  # each waits for the disk, or for S3


def write(sink: Sink, shard: Shard, recipe: Recipe, brought: Iterable[Brought]) -> Written:
    """Write the files of a shard, then its rows. A sample whose bytes are wrong is left out and reported."""
    import pyarrow.parquet as pq

    written = Written(file=f"{shard.split}/{shard.name}.parquet")
    with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
        for one in brought:
            try:
                if one.error:
                    raise one.error
                names = [file_name(one.sample, part.suffix) for part in one.sample.parts]
                # All of a sample before the next: its copies on this machine are deleted then.
                list(pool.map(partial(_copy, sink), names, one.sample.parts, one.paths))
            except StageError as error:
                written.failed.append((one.sample, error))
            else:
                written.samples.append(one.sample)
                written.more_bytes += one.sample.size_bytes
    if written.samples:
        with sink.draft(written.file) as draft:
            rows = [with_paths(sample) for sample in written.samples]
            pq.write_table(table(rows, written.samples, recipe), draft.path, compression="zstd")
            written.size_bytes, written.sha256 = draft.path.stat().st_size, sha256_of(draft.path)
            draft.done(written.size_bytes, written.sha256)
    return written


def file_name(sample: Sample, suffix: str) -> str:
    """Where a file of a sample lies in the output."""
    return f"files/{sample.split}/{sample.name}.{suffix}"


def with_paths(sample: Sample) -> dict[str, Any]:
    """The record, with where its files lie."""
    stills = [{**still, "path": file_name(sample, f"{still['tag']}.jpg")} for still in sample.record["stills"]]
    return {**sample.record, "video_path": file_name(sample, "mp4"), "stills": stills}


def _copy(sink: Sink, name: str, part: Part, path: Path) -> None:
    """Copy a file, unless a run that was killed has: names hold the source's hash, and files appear whole."""
    if sink.size(name) == part.size_bytes:
        return
    with sink.draft(name) as draft:
        with draft.path.open("wb") as file:
            copy_checked(part, path, file.write)
        draft.done(part.size_bytes, part.sha256)
