"""How a player shows a file of a field case: its display aspect, and that of the picture within bars.

python benchmarks/field_picture.py FILE …        prints both for each
"""

import sys
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

BLACK = 24  # of 255: up to here a row or column is a bar
QUARTER = {0: 0, 90: 1, 180: 2, 270: 3}


def display_aspect(path: Path) -> float:
    """Width / height of a video or a JPEG as a player shows it, turned upright; by PyAV, which encoded none of them."""
    if path.suffix == ".jpg":
        with Image.open(path) as picture:
            return picture.width / picture.height
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return _turned(frame.width * _pixel(container) / frame.height, frame.rotation)


def content_aspects(path: Path) -> list[float]:
    """Of each frame of a video the width / height of what lies within black bars; a frame that is black throughout has
    the aspect of the file.
    """
    with av.open(str(path)) as container:
        found = []
        for frame in container.decode(video=0):
            height, width = within_bars(frame.to_ndarray(format="gray")).shape
            found.append(_turned(width * _pixel(container) / height, frame.rotation))
        return found


def within_bars(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The part of a grey picture, [height, width], that is not a black bar at one of its sides; all of a black one."""
    rows, columns = np.flatnonzero(grey.max(axis=1) > BLACK), np.flatnonzero(grey.max(axis=0) > BLACK)
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else grey


def _pixel(container: av.container.InputContainer) -> float:
    return float(container.streams.video[0].sample_aspect_ratio or 1)


def _turned(aspect: float, rotation: int) -> float:
    return 1 / aspect if QUARTER.get(rotation % 360, 0) % 2 else aspect


def main() -> None:
    """Measure the files that are named."""
    for name in sys.argv[1:]:
        aspects = sorted({round(aspect, 3) for aspect in content_aspects(Path(name))})
        print(f"{name}: {display_aspect(Path(name)):.3f}, within bars {aspects}")


if __name__ == "__main__":
    main()
