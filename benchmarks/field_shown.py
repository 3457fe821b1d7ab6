"""How a player shows a file of a field case: its display aspect, and the colours of its first frame.

Simple measures, for as long as no better ones are there. YUV becomes RGB as browsers do it: by the file's tags, and
without a tag by BT.709 from 720 lines on, else BT.601.
"""

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

BARS = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
    (0, 255, 255),
    (255, 0, 255),
    (200, 120, 40),
    (40, 90, 160),
]
SCENE = [
    (255, 255, 255), (190, 190, 190), (118, 118, 118), (60, 60, 60),
    (200, 40, 40), (40, 160, 60), (40, 60, 200), (230, 180, 140),
]  # fmt: skip
HDR = "a08_"  # cases that show SCENE; the others show BARS
KR_KB = {
    1: (0.2126, 0.0722),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    9: (0.2627, 0.0593),
}  # by ffmpeg's number of a matrix
UNSPECIFIED, FULL = 2, 2
HD_LINES = 720


def display_aspect(path: Path) -> float:
    """Width / height of a video or a JPEG, turned upright."""
    if path.suffix == ".jpg":
        with Image.open(path) as picture:
            return picture.width / picture.height
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        aspect = frame.width * float(container.streams.video[0].sample_aspect_ratio or 1) / frame.height
        return 1 / aspect if frame.rotation % 180 else aspect


def colour_error(path: Path, name: str) -> float:
    """The largest difference of the eight patches of a case, in levels of 255, at the middle of each."""
    picture = _shown(path)
    height, width, _ = picture.shape
    wanted = SCENE if name.startswith(HDR) else BARS
    worst = 0.0
    for number, colour in enumerate(wanted):
        at = round((number + 0.5) * width / len(wanted))
        patch = picture[height // 3 : 2 * height // 3, at - 4 : at + 4].reshape(-1, 3).mean(axis=0)
        worst = max(worst, float(np.abs(patch - colour).max()))
    return worst


def _shown(path: Path) -> NDArray[np.float64]:
    """The first frame as RGB, 0 to 255."""
    if path.suffix == ".jpg":
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"), np.float64)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        if frame.format.is_rgb:
            return frame.to_ndarray(format="rgb24").astype(np.float64)
        matrix = int(frame.colorspace)
        if matrix == UNSPECIFIED or matrix not in KR_KB:
            matrix = 1 if frame.height >= HD_LINES else 6
        is_full = int(frame.color_range) == FULL
        y, u, v = frame.to_ndarray(format="yuvj444p" if is_full else "yuv444p").astype(np.float64)
    y, chroma = (y / 255, 255.0) if is_full else ((y - 16) / 219, 224.0)
    red, blue = KR_KB[matrix]
    r = y + 2 * (1 - red) * (v - 128) / chroma
    b = y + 2 * (1 - blue) * (u - 128) / chroma
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.stack([r, g, b], axis=2), 0, 1) * 255
