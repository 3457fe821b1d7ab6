"""How much a source may become: by its own size, by its duration, and by the disk that it is written to.

A few bytes can stand for a whole picture ("as the one before"), and a proxy keeps every picture whole: 20 MB of such
frames would be 93 GB.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from heaters.errors import MediaError, StoreError
from heaters.media.probe import Probe

# A still lecture of 100 kbit/s becomes a proxy of about 100 times its size, and analysis frames of 10 times.
GROWTH = 200
SMALL_BYTES = 2**30  # so much any source may become
BYTES_PER_SECOND = 25e6  # 720p of noise at 60 frames a second, each a key frame at the proxy's quality, is half of it
RESERVE_BYTES = 2**30  # of a disk: others write to it, too


class Outgrown(MediaError):  # noqa: N818 — a MediaError like others
    """A source became more than it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A folder that a source is written into, and how many bytes it may take there."""

    folder: Path
    most_bytes: int
    why: str

    @classmethod
    def of(cls, folder: Path, probe: Probe) -> "Room":
        """The room for a source. Where it states no duration, its size alone counts."""
        by_size = GROWTH * probe.size_bytes
        by_time = int(BYTES_PER_SECOND * probe.duration_seconds) or by_size
        most = max(SMALL_BYTES, min(by_size, by_time))
        return cls(folder=folder, most_bytes=most, why=f"{probe.size_bytes} bytes, {probe.duration_seconds:.0f} s")

    def check(self) -> None:
        """Raises Outgrown beyond it, StoreError where the disk has no more than its reserve."""
        free_bytes = shutil.disk_usage(self.folder).free
        used_bytes = 0
        with os.scandir(self.folder) as entries:
            for entry in entries:
                try:
                    used_bytes += entry.stat().st_size
                except OSError:  # gone since
                    continue
        if used_bytes > self.most_bytes:
            raise Outgrown(
                f"a source of {self.why} may become {self.most_bytes / 2**20:.0f} MiB; "
                f"it became {used_bytes / 2**20:.0f} MiB so far"
            )
        if free_bytes < RESERVE_BYTES and used_bytes > free_bytes:
            raise StoreError(
                f"the disk is full but for its reserve: {free_bytes / 2**20:.0f} MiB are free at {self.folder}, and "
                f"this source has taken {used_bytes / 2**20:.0f} MiB"
            )
