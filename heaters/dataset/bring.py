"""Bring the stored files of samples to this machine, ahead of whoever writes them. It checks no bytes: writers do."""

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from heaters.dataset.records import Sample
from heaters.errors import StageError, StoreError
from heaters.models.batches import ahead
from heaters.store.objects import ObjectStore

THREADS = 8  # a single stream from S3 is far slower than the network
MOST = 16  # samples that wait on disk


class Brought:
    """A sample's files on this machine, in the order of its parts, or why they are not there."""

    def __init__(self, sample: Sample, paths: Sequence[Path], error: StageError | None, temporary: bool) -> None:
        self.sample = sample
        self.paths = tuple(paths)
        self.error = error
        self._temporary = temporary

    def drop(self) -> None:
        """Delete copies."""
        for path in self.paths if self._temporary else ():
            path.unlink(missing_ok=True)


def brought(store: ObjectStore, samples: Sequence[Sample], scratch: Path) -> Iterator[Brought]:
    """Each sample with its files; copies are deleted as soon as the next one is asked for."""
    if not samples:
        return
    is_here = store.local_path(samples[0].parts[0].key) is not None
    fetched = (_here(store, sample) for sample in samples) if is_here else _ahead(store, samples, scratch)
    for one in fetched:
        try:
            yield one
        finally:
            one.drop()


def _here(store: ObjectStore, sample: Sample) -> Brought:
    paths = [path for part in sample.parts if (path := store.local_path(part.key)) is not None]
    missing = next((part.key for part, path in zip(sample.parts, paths, strict=True) if not path.is_file()), None)
    error = StoreError(f"{missing} is not in the store") if missing else None
    return Brought(sample, paths, error, False)


def _ahead(store: ObjectStore, samples: Sequence[Sample], scratch: Path) -> Iterator[Brought]:
    def fetch(sample: Sample) -> Brought:
        paths: list[Path] = []
        try:
            for part in sample.parts:
                paths.append(scratch / uuid.uuid4().hex)
                store.fetch(part.key, paths[-1])
        except StageError as error:
            return Brought(sample, paths, error, True)
        return Brought(sample, paths, None, True)

    yield from ahead(fetch, samples, threads=THREADS, most=MOST)
