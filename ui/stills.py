"""Posters and sprites of clips, made from sampled frames when first asked for and kept on disk up to a bound.

Of a video without a sample track they come from its proxy; of a clip in which no sample lies and whose video has no
proxy, from the clip's own still.

A still's name says everything it depends on, so it never goes stale. Lists show these, never a `<video>` each.
"""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from heaters.core.stills import MIDDLE, still_keys
from heaters.media.frames import FrameReader
from heaters.media.samples import SampleTrack
from heaters.stages.still import read_still
from heaters.store.cache import Cache
from heaters.store.files import beside, disk_errors
from heaters.store.objects import ObjectStore

T = TypeVar("T")

MAX_BYTES = 2 * 2**30  # about 100,000 posters
SWEEP_EVERY = 200  # stills made between two looks at how much there is
OPENED = 2  # tracks and proxies that a maker keeps open; of ten hours each holds some 60 MB
MAKERS = 2  # at once: decoding is what costs, and the pipeline wants the other cores

POSTER_SIZE = (480, 270)
TILE_SIZE = (240, 135)
SPRITE_TILES = 10  # a sprite is a row of so many tiles, from the first frame to the last
QUALITY = 80  # JPEG


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """Where a video's pictures lie."""

    content_hash: str
    sample_key: str | None
    proxy_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """The frames `[start_frame, end_frame)` of a video that a still shows."""

    film: Film
    start_frame: int
    end_frame: int

    @property
    def middle(self) -> int:
        """The frame that stands for it."""
        return (self.start_frame + self.end_frame) // 2

    def spread(self, count: int) -> list[int]:
        """So many frames, evenly, the first and the last among them."""
        return [int(n) for n in np.linspace(self.start_frame, self.end_frame - 1, count).round()]


class Stills:
    """Makes and keeps stills under `root`. Threads may share it."""

    def __init__(
        self, root: Path, store: ObjectStore, cache: Cache, *, strategy: str = "multi", max_bytes: int = MAX_BYTES
    ) -> None:
        """`strategy` is that of the clips' own stills."""
        self.root = root
        self._strategy = strategy
        self.max_bytes = max_bytes
        self._store = store
        self._cache = cache
        # Threads of their own: each that has decoded keeps some memory, and the server has forty for its requests.
        self._makers = ThreadPoolExecutor(MAKERS, thread_name_prefix="stills")
        self._own = threading.local()
        self._guard = threading.Lock()
        self._made = 0

    def poster(self, shot: Shot) -> Path:
        """The middle frame as JPEG of at most POSTER_SIZE. Raises StoreError and MediaError as reading frames does."""
        return self._still(shot, [shot.middle], POSTER_SIZE, "poster")

    def frame(self, film: Film, frame: int, frame_count: int) -> Path:
        """One frame of a video as JPEG of at most POSTER_SIZE: of its proxy, else the sampled frame that is nearest."""
        if film.proxy_key is not None:
            shot = Shot(film=replace(film, sample_key=None), start_frame=frame, end_frame=frame + 1)
        else:
            shot = Shot(film=film, start_frame=0, end_frame=frame_count)
        return self._still(shot, [frame], POSTER_SIZE, "frame")

    def sprite(self, shot: Shot) -> Path:
        """SPRITE_TILES frames in a row, each in the middle of a black tile of TILE_SIZE."""
        return self._still(shot, shot.spread(SPRITE_TILES), TILE_SIZE, "sprite")

    def _still(self, shot: Shot, frames: Sequence[int], size: tuple[int, int], kind: str) -> Path:
        span = (shot.start_frame, shot.end_frame)
        name = f"{kind} {size} {QUALITY} {shot.film.sample_key} {shot.film.proxy_key} {span} {list(frames)}"
        digest = hashlib.sha256(name.encode()).hexdigest()
        content = shot.film.content_hash  # in front: by it whatever is of a withdrawn video is found (stages/tidy.py)
        path = self.root / digest[:2] / f"{content}-{digest[:32]}.jpg"
        with suppress(FileNotFoundError):
            os.utime(path)  # used now
            return path
        self._makers.submit(self._make, shot, frames, size, path, is_row=kind == "sprite").result()
        return path

    def _pictures(self, shot: Shot, frames: Sequence[int]) -> dict[int, Image.Image]:
        """A picture for each of `frames`."""
        if shot.film.sample_key is not None:
            track = self._opened(shot.film.sample_key, SampleTrack)
            samples = track.within(shot.start_frame, shot.end_frame)
            if len(samples):
                near = {frame: int(samples[np.abs(samples - frame).argmin()]) for frame in frames}
                shown = {sample: track.read(sample).picture() for sample in set(near.values())}
                return {frame: shown[sample] for frame, sample in near.items()}
        if shot.film.proxy_key is not None:
            wanted = sorted(set(frames))
            reader = self._opened(shot.film.proxy_key, FrameReader)
            return dict(zip(wanted, map(Image.fromarray, reader.read(wanted)), strict=True))
        key = still_keys(shot.film.content_hash, shot.start_frame, shot.end_frame, self._strategy)[MIDDLE]
        return dict.fromkeys(frames, read_still(self._store, key))

    def _make(self, shot: Shot, frames: Sequence[int], size: tuple[int, int], path: Path, *, is_row: bool) -> None:
        if path.exists():  # asked for twice
            return
        pictures = self._pictures(shot, frames)
        tiles = []
        for frame in frames:
            tile = pictures[frame].copy()
            tile.thumbnail(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
            tiles.append(tile)
        picture = _row(tiles, size) if is_row else tiles[0]
        with disk_errors("keep a still of", shot.film.content_hash, self.root), beside(path) as partial:
            picture.save(partial, "JPEG", quality=QUALITY)
            partial.replace(path)
        with self._guard:
            self._made += 1
            is_time = self._made % SWEEP_EVERY == 1
        if is_time:
            self.sweep()

    def _opened(self, key: str, kind: Callable[[Path], T]) -> T:
        """A track or proxy, kept open by this thread until others are wanted: opening ten hours takes half a second."""
        opened: OrderedDict[str, Any] = self._own.__dict__.setdefault("opened", OrderedDict())
        if key not in opened:
            with self._cache.hold(self._store, key) as held:
                opened[key] = kind(held.path)  # stays readable where the cache lets its file go
        opened.move_to_end(key)
        while len(opened) > OPENED:
            opened.popitem(last=False)[1].close()
        found: T = opened[key]
        return found

    def sweep(self) -> int:
        """Delete what was used longest ago until the rest fits the bound. Returns the bytes that are left."""
        files = []
        for path in self.root.glob("*/*"):
            with suppress(FileNotFoundError):
                facts = path.stat()
                files.append((facts.st_mtime, facts.st_size, path))
        left_bytes = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if left_bytes <= self.max_bytes:
                break
            path.unlink(missing_ok=True)
            left_bytes -= size
        return left_bytes


def _row(tiles: Sequence[Image.Image], size: tuple[int, int]) -> Image.Image:
    row = Image.new("RGB", (size[0] * len(tiles), size[1]))
    for n, tile in enumerate(tiles):
        row.paste(tile, (n * size[0] + (size[0] - tile.width) // 2, (size[1] - tile.height) // 2))
    return row
