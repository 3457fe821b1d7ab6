"""The display aspect of a file of a field case, as a player shows it: a simple measure, until there is a better one."""

from pathlib import Path

import av
from PIL import Image


def display_aspect(path: Path) -> float:
    """Width / height of a video or a JPEG, turned upright."""
    if path.suffix == ".jpg":
        with Image.open(path) as picture:
            return picture.width / picture.height
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        aspect = frame.width * float(container.streams.video[0].sample_aspect_ratio or 1) / frame.height
        return 1 / aspect if frame.rotation % 180 else aspect
