"""Deletes from a dataset what killed runs left: shards that no entry names, files in the making, files of no sample."""

import re
from collections.abc import Iterator

from heaters.dataset import index
from heaters.dataset.chosen import Chosen
from heaters.dataset.contents import Contents
from heaters.dataset.recipe import Recipe
from heaters.dataset.sink import Sink
from heaters.errors import StoreError

PARTIAL = re.compile(r"(^|/)\.[0-9a-f]{32}\.partial$")  # a file in the making, as `store.files.beside` names it
FILES_AT_ONCE = 5000


def sweep(sink: Sink, recipe: Recipe, found: Contents, chosen: Chosen) -> int:
    """Returns how many files went. `chosen` knows the samples that are in.

    Raises StoreError where a shard that is entered is not there: somebody else deleted it.
    """
    sizes = _shards(sink, recipe)
    entered = {one.file: one for one in found.shards()}
    for file, one in entered.items():
        if recipe.form != "lance" and sizes.get(file) != one.size_bytes:
            raise StoreError(
                f"{file} of {sink.location} is not as it was written; delete {index.FOLDER}{one.name}.json "
                "to have its clips written again"
            )
    lost = {name for name in sizes if name not in entered}
    lost.update(name for name in sink.names("") if PARTIAL.search(name))
    if recipe.form == "parquet":
        lost.update(_of_nobody(sink, chosen))
    sink.delete(lost)
    return len(lost)


def _shards(sink: Sink, recipe: Recipe) -> dict[str, int]:
    """The shards in the output, finished or not, with their sizes."""
    if recipe.form == "lance":
        return {}
    return {name: size for split in recipe.splits.names for name, size in sink.sizes(f"{split}/").items()}


def _of_nobody(sink: Sink, chosen: Chosen) -> Iterator[str]:
    """Files of samples that are in no shard."""
    group: list[str] = []
    for name in sink.names("files/"):
        group.append(name)
        if len(group) == FILES_AT_ONCE:
            yield from _strangers(group, chosen)
            group = []
    yield from _strangers(group, chosen)


def _strangers(names: list[str], chosen: Chosen) -> list[str]:
    samples = {name: name.rpartition("/")[2].partition(".")[0] for name in names}
    strangers = chosen.strangers(list(samples.values()))
    return [name for name, sample in samples.items() if sample in strangers]
