"""Posters and sprites of clips, made from the proxy's frames when first asked for and kept on disk up to a bound.

A still's name says everything it depends on, so it never goes stale. Lists show these, never a `<video>` each.
"""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from heaters.media.frames import FrameReader
from heaters.store.cache import Cache
from heaters.store.files import beside, disk_errors
from heaters.store.objects import ObjectStore

MAX_BYTES = 2 * 2**30  # about 100,000 posters
SWEEP_EVERY = 200  # stills made between two looks at how much there is
READERS = 2  # proxies that a maker keeps open; of ten hours each holds some 60 MB
MAKERS = 2  # at once: decoding is what costs, and the pipeline wants the other cores

POSTER_SIZE = (480, 270)
TILE_SIZE = (240, 135)
SPRITE_TILES = 10  # a sprite is a row of so many tiles, from the first frame to the last
QUALITY = 80  # JPEG


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """The frames `[start_frame, end_frame)` of a proxy that a still shows."""

    proxy_key: str
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

    def __init__(self, root: Path, store: ObjectStore, cache: Cache, *, max_bytes: int = MAX_BYTES) -> None:
        self.root = root
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

    def frame(self, proxy_key: str, frame: int) -> Path:
        """One frame of a proxy as JPEG of at most POSTER_SIZE."""
        shot = Shot(proxy_key=proxy_key, start_frame=frame, end_frame=frame + 1)
        return self._still(shot, [frame], POSTER_SIZE, "frame")

    def sprite(self, shot: Shot) -> Path:
        """SPRITE_TILES frames in a row, each in the middle of a black tile of TILE_SIZE."""
        return self._still(shot, shot.spread(SPRITE_TILES), TILE_SIZE, "sprite")

    def _still(self, shot: Shot, frames: Sequence[int], size: tuple[int, int], kind: str) -> Path:
        name = f"{kind} {size} {QUALITY} {shot.proxy_key} {list(frames)}"
        digest = hashlib.sha256(name.encode()).hexdigest()
        path = self.root / digest[:2] / f"{digest}.jpg"
        with suppress(FileNotFoundError):
            os.utime(path)  # used now
            return path
        self._makers.submit(self._make, shot.proxy_key, frames, size, path, is_row=kind == "sprite").result()
        return path

    def _make(self, key: str, frames: Sequence[int], size: tuple[int, int], path: Path, *, is_row: bool) -> None:
        if path.exists():  # asked for twice
            return
        wanted = sorted(set(frames))
        pictures = dict(zip(wanted, self._reader(key).read(wanted), strict=True))
        tiles = []
        for frame in frames:
            tile = Image.fromarray(pictures[frame])
            tile.thumbnail(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
            tiles.append(tile)
        picture = _row(tiles, size) if is_row else tiles[0]
        with disk_errors("keep a still of", key, self.root), beside(path) as partial:
            picture.save(partial, "JPEG", quality=QUALITY)
            partial.replace(path)
        with self._guard:
            self._made += 1
            is_time = self._made % SWEEP_EVERY == 1
        if is_time:
            self.sweep()

    def _reader(self, key: str) -> FrameReader:
        """The frames of a proxy, kept open by this thread until others were wanted: opening ten hours takes 0.5 s."""
        readers: OrderedDict[str, FrameReader] = self._own.__dict__.setdefault("readers", OrderedDict())
        if key not in readers:
            with self._cache.hold(self._store, key) as held:
                readers[key] = FrameReader(held.path)  # stays readable where the cache lets its file go
        readers.move_to_end(key)
        while len(readers) > READERS:
            readers.popitem(last=False)[1].close()
        return readers[key]

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
