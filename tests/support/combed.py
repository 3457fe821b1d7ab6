"""Films of two fields a frame, and of film in 3:2 pulldown: a bar moves over a plain ground and shows combs where lines
of two moments stand in one picture. Nothing here knows the product.
"""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
WIDTH, HEIGHT, STEP, BAR = 720, 576, 9, 80
CUT = 30  # frames; the ground is darker from here on
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-pix_fmt", "yuv420p", "-flags", "+ilme+ildct")
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "16", "-pix_fmt", "yuv420p", "-flags", "+ilme+ildct")


def moment(number: int, *, is_dark: bool, height: int = HEIGHT) -> Picture:
    """What is there at a moment: uint8 RGB [height, 720, 3]."""
    picture = np.full((height, WIDTH, 3), 60 if is_dark else 120, np.uint8)
    at = 40 + number * STEP % (WIDTH - 120)
    picture[height // 6 : height * 5 // 6, at : at + BAR] = 230
    return picture


def woven(first: Picture, second: Picture, *, is_top_first: bool) -> Picture:
    """A frame whose one field is of the first picture, and whose other one is of the second."""
    frame = first.copy()
    place = 1 if is_top_first else 0
    frame[place::2] = second[place::2]
    return frame


def fields(frames: int, *, is_top_first: bool = True) -> Iterator[Picture]:
    """Video: every field is a moment of its own."""
    for n in range(frames):
        pair = [moment(2 * n + k, is_dark=n >= CUT) for k in (0, 1)]
        yield woven(*pair, is_top_first=is_top_first)


def pulldown(frames: int, *, height: int = 480) -> Iterator[Picture]:
    """Film of 24 pictures a second as 30 frames: of four pictures A B C D come AA, BB, BC, CD, DD, top field first."""
    for n in range(frames):
        four = 4 * (n // 5)
        a, b = [(0, 0), (1, 1), (1, 2), (2, 3), (3, 3)][n % 5]
        first, second = (moment(2 * (four + k), is_dark=n >= CUT, height=height) for k in (a, b))
        yield woven(first, second, is_top_first=True)


def whole(frames: int) -> Iterator[Picture]:
    """Pictures of one moment each, for a file that only says that it is interlaced."""
    for n in range(frames):
        yield moment(2 * n, is_dark=n >= CUT)


def film(path: Path, pictures: Iterator[Picture], *options: str, rate: str = "25", order: str = "tff") -> Path:
    """Encode pictures, flagged as interlaced with that field first."""
    shown: Sequence[Picture] = list(pictures)
    size = f"{WIDTH}x{shown[0].shape[0]}"
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", rate, "-i", "-", "-vf", f"setfield={order}")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *raw, *options, str(path)]
    subprocess.run(command, input=b"".join(picture.tobytes() for picture in shown), check=True)
    return path


def combing(picture: NDArray[np.float64]) -> float:
    """How much lines stick out from both their neighbours to the same side, in levels of 255: the mean of the worst
    column block of 16. [height, width, 3], full height. About 0 for whole pictures, tens for combs.
    """
    grey = np.asarray(picture, np.float64).mean(axis=2)
    up, down = grey[1:-1] - grey[:-2], grey[1:-1] - grey[2:]
    out = np.where(up * down > 0, np.minimum(abs(up), abs(down)), 0.0)
    columns = out[:, : out.shape[1] // 16 * 16].mean(axis=0).reshape(-1, 16).mean(axis=1)
    return float(columns.max())
