"""What is in an output: one entry for each finished shard, and a manifest of them all. Else it is no shard."""

import json
from collections.abc import Iterator
from typing import Any

from heaters import __version__
from heaters.dataset.contents import Contents, Entry
from heaters.dataset.recipe import Recipe, Shard
from heaters.dataset.sink import Sink
from heaters.dataset.written import Written
from heaters.errors import UsageError

MANIFEST = "manifest.json"
FOLDER = "index/"
MARK = "_heaters-dataset"


def entry(shard: Shard, written: Written) -> Entry:
    """The entry of a shard that has just been written."""
    clips = tuple(
        {
            "sample": sample.name,
            "clip_id": sample.clip_id,
            "source": sample.record["source_sha256"],
            "seconds": sample.record["seconds"],
            "frames": sample.record["frames"],
            "size_bytes": sample.size_bytes,
            "confidence": [sample.record[end]["confidence"] for end in ("start_cut", "end_cut")],
            "kinds": [sample.record[end]["kind"] for end in ("start_cut", "end_cut")],
            "licence": str(
                sample.record["provenance"].get("license") or sample.record["provenance"].get("licence") or ""
            ),
        }
        for sample in written.samples
    )
    return Entry(
        name=shard.name,
        split=shard.split,
        file=written.file,
        size_bytes=written.size_bytes,
        sha256=written.sha256,
        more_bytes=written.more_bytes,
        clips=clips,
    )


def put(sink: Sink, recipe: Recipe, one: Entry) -> None:
    """Enter a shard: from now on it is part of the dataset."""
    plain = {slot: getattr(one, slot) for slot in Entry.__slots__}
    sink.put_bytes(f"{FOLDER}{one.name}.json", _json({"recipe": recipe.plain(), **plain}))


def begin(sink: Sink) -> None:
    """Mark an output that is empty as a dataset's, before anything else is written there.

    Raises UsageError where it holds something that is no dataset of ours: files that happen to have our names would be
    overwritten. Hidden files do not count.
    """
    if sink.read(MARK) is not None:
        return
    first = sink.first()
    if first is not None and not _is_dataset(sink):
        raise UsageError(
            f"{sink.location} holds {first} and is no dataset that this command began; "
            "a dataset needs a folder of its own"
        )
    sink.put_bytes(MARK, b"A dataset of Heaters: `heaters export-dataset` adds to it and rewrites its README.md.\n")


def _is_dataset(sink: Sink) -> bool:
    """Whether it is one from before there was a mark."""
    for name in [MANIFEST, *list(sink.sizes(FOLDER))[:1]]:
        try:
            plain = json.loads(sink.read(name) or b"null")
        except ValueError:
            continue
        if isinstance(plain, dict) and "recipe" in plain and ("shards" in plain or "clips" in plain):
            return True
    return False


def entries(sink: Sink, recipe: Recipe) -> Iterator[Entry]:
    """The finished shards, by name, one at a time. Raises UsageError where they were written by another recipe."""
    for name in sink.sizes(FOLDER):
        data = sink.read(name)
        plain = json.loads(data) if data and name.endswith(".json") else None
        if plain is None:
            continue
        made_with = plain.pop("recipe")
        if made_with != recipe.plain():
            asked = recipe.plain()
            different = sorted(k for k in made_with.keys() | asked.keys() if made_with.get(k) != asked.get(k))
            raise UsageError(
                f"{sink.location} was made with other options ({', '.join(different)}: "
                f"{', '.join(str(made_with.get(key)) for key in different)}); give the same ones, or another output"
            )
        yield Entry(**{**plain, "clips": tuple(plain["clips"])})


def manifest(recipe: Recipe, found: Contents) -> bytes:
    """The manifest: what is in the output, shard by shard. The same shards give the same bytes."""
    return _json(
        {
            "heaters": __version__,
            "recipe": recipe.plain(),
            "total": found.totals(),
            "splits": {name: found.totals(name) for name in recipe.splits.names},
            "shards": [
                {
                    "name": one.name,
                    "split": one.split,
                    "file": one.file,
                    "clips": one.clips,
                    "size_bytes": one.size_bytes,
                    "sha256": one.sha256,
                }
                for one in found.shards()
            ],
        }
    )


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
