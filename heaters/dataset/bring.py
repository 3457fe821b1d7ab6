"""Bring the files of samples to this machine, ahead of whoever writes them, and take the stills out of the clips.

Of clips without stills it checks no bytes: writers do.
"""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from heaters.dataset.records import Part, Sample
from heaters.errors import IntegrityError, StageError, StoreError
from heaters.media.clip_stills import clip_stills
from heaters.models.batches import ahead
from heaters.store.files import sha256_of
from heaters.store.objects import ObjectStore

THREADS = 8  # a single stream from S3 is far slower than the network
MOST = 16  # samples that wait on disk


class Brought:
    """A sample's files on this machine, in the order of its parts, or why they are not there."""

    def __init__(self, sample: Sample, paths: Sequence[Path], error: StageError | None, folder: Path) -> None:
        self.sample = sample
        self.paths = tuple(paths)
        self.error = error
        self._folder = folder

    def drop(self) -> None:
        """Delete what was made for it."""
        shutil.rmtree(self._folder, ignore_errors=True)


def brought(store: ObjectStore, samples: Sequence[Sample], scratch: Path) -> Iterator[Brought]:
    """Each sample with its files; copies are deleted as soon as the next one is asked for."""
    if not samples:
        return
    is_here = store.local_path(samples[0].parts[0].key) is not None

    def fetch(sample: Sample) -> Brought:
        folder = scratch / uuid.uuid4().hex
        try:
            video = _here(store, sample) if is_here else _copied(store, sample, folder)
            stills, paths = _stills(sample, video, folder)
        except StageError as error:
            return Brought(sample, (), error, folder)
        return Brought(stills, (video, *paths), None, folder)

    # Files that are here already cost only the decoding of their stills.
    for one in ahead(fetch, samples, threads=(os.cpu_count() or 1) if is_here else THREADS, most=MOST):
        try:
            yield one
        finally:
            one.drop()


def _here(store: ObjectStore, sample: Sample) -> Path:
    """The clip's file in a store on this machine."""
    key = sample.parts[0].key
    path = store.local_path(key)
    if path is None or not path.is_file():
        raise StoreError(f"{key} is not in the store")
    return path


def _copied(store: ObjectStore, sample: Sample, folder: Path) -> Path:
    """A copy of the clip's file."""
    folder.mkdir()
    path = folder / "clip.mp4"
    store.fetch(sample.parts[0].key, path)
    return path


def _stills(sample: Sample, video: Path, folder: Path) -> tuple[Sample, list[Path]]:
    """The sample with its stills among its parts and in its record, and where these files lie."""
    if not sample.stills:
        return sample, []
    if sha256_of(video) != sample.parts[0].sha256:
        raise IntegrityError(f"{sample.parts[0].key} must have SHA-256 {sample.parts[0].sha256[:16]}…; it has another")
    folder.mkdir(exist_ok=True)
    frames = sorted({frame for _, frame in sample.stills})  # a short clip may show one frame in several places
    start = sample.record["start_frame"]
    jpegs = dict(zip(frames, clip_stills(video, [frame - start for frame in frames], folder), strict=True))
    parts, paths, told = [], [], []
    for tag, frame in sample.stills:
        data = jpegs[frame]
        paths.append(folder / f"{tag}.jpg")
        paths[-1].write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        key = f"{sample.parts[0].key} frame {frame - start}"
        parts.append(Part(suffix=f"{tag}.jpg", key=key, sha256=digest, size_bytes=len(data)))
        told.append({"tag": tag, "frame": frame, "sha256": digest, "size_bytes": len(data)})
    record = {**sample.record, "stills": told}
    return replace(sample, record=record, parts=(*sample.parts, *parts)), paths
