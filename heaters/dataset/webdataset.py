"""The form `webdataset`: tar files in which the files of a sample stand together, `name.mp4`, `name.json`, …

Headers hold no time, owner or mode of their own, so the same samples are the same bytes, whoever writes them when.
"""

import hashlib
import tarfile
from collections.abc import Iterable
from typing import BinaryIO

from heaters.dataset.bring import Brought
from heaters.dataset.recipe import Recipe, Shard
from heaters.dataset.sink import Sink
from heaters.dataset.written import Written, copy_checked, record_bytes, vector_bytes
from heaters.errors import StageError

BLOCK = 512


def write(sink: Sink, shard: Shard, recipe: Recipe, brought: Iterable[Brought]) -> Written:
    """Write a shard. A sample whose bytes are wrong is left out and reported."""
    del recipe
    written = Written(file=f"{shard.split}/{shard.name}.tar")
    with sink.draft(written.file) as draft:
        with draft.path.open("wb") as file:
            tar = _Tar(file)
            for one in brought:
                mark = tar.mark()
                try:
                    if one.error:
                        raise one.error
                    _append(tar, one)
                except StageError as error:
                    tar.back_to(mark)
                    written.failed.append((one.sample, error))
                else:
                    written.samples.append(one.sample)
            tar.end()
        written.size_bytes, written.sha256 = tar.size_bytes, tar.digest.hexdigest()
        if written.samples:
            draft.done(written.size_bytes, written.sha256)
    return written


def _append(tar: "_Tar", one: Brought) -> None:
    sample = one.sample
    for part, path in zip(sample.parts, one.paths, strict=True):
        tar.header(f"{sample.name}.{part.suffix}", part.size_bytes)
        copy_checked(part, path, tar.take)
        tar.pad(part.size_bytes)
    small = {} if sample.vector is None else {"npy": vector_bytes(sample.vector)}
    for suffix, data in {**small, "json": record_bytes(sample.record)}.items():
        tar.header(f"{sample.name}.{suffix}", len(data))
        tar.take(data)
        tar.pad(len(data))


class _Tar:
    """A tar file being written, its hash with it. The last sample can be taken back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size_bytes = 0

    def mark(self) -> "tuple[int, hashlib._Hash]":
        return self.size_bytes, self.digest.copy()

    def back_to(self, mark: "tuple[int, hashlib._Hash]") -> None:
        self.size_bytes, self.digest = mark
        self._file.seek(self.size_bytes)
        self._file.truncate()

    def header(self, name: str, size_bytes: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = size_bytes
        self.take(entry.tobuf(tarfile.GNU_FORMAT))

    def take(self, data: bytes) -> None:
        self._file.write(data)
        self.digest.update(data)
        self.size_bytes += len(data)

    def pad(self, size_bytes: int) -> None:
        self.take(bytes(-size_bytes % BLOCK))

    def end(self) -> None:
        self.take(bytes(2 * BLOCK))
        self.take(bytes(-self.size_bytes % tarfile.RECORDSIZE))
