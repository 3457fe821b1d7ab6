"""A test source together with what was made of it."""

from dataclasses import dataclass
from pathlib import Path

import barcode
import numpy as np
from numpy.typing import NDArray

from heaters.media.examine import examine
from heaters.media.prepare import Prepared, prepare
from heaters.media.probe import Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A test source and what was made of it. `numbers` are what the proxy's frames show, `pts` their times."""

    path: Path
    probe: Probe
    prepared: Prepared
    numbers: list[int]
    pts: list[int]
    pictures: NDArray[np.uint8]

    def bounds(self, start_frame: int, end_frame: int) -> dict[str, int]:
        """What an export is told of a clip."""
        ends = [*self.pts, self.prepared.end_pts]
        return {
            "start_pts": ends[start_frame],
            "end_pts": ends[end_frame],
            "frame_count": end_frame - start_frame,
        }


def make(path: Path, *, is_legible: bool = True) -> Source:
    """Look at a bar-coded file (without a child, for speed) and prepare it. A damaged one may not be legible."""
    folder = path.parent / f"{path.stem}.prepared"
    folder.mkdir()
    facts = examine(path)
    prepared = prepare(path, folder, facts, threads=2, timeout_seconds=60)
    numbers = barcode.read_video(prepared.proxy)[0] if is_legible else []
    pictures = np.fromfile(prepared.analysis, np.uint8).reshape(-1, 27, 48, 3)
    pts = np.load(prepared.pts).tolist()
    return Source(path=path, probe=facts, prepared=prepared, numbers=numbers, pts=pts, pictures=pictures)
