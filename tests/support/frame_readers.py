"""How others read a video: one frame after the other, and single ones by number or time.

    python frame_readers.py READER PATH PLACE …      prints the numbers of all frames, and of those sought, as JSON

`READERS[name](path)` gives the pictures of all frames in order, uint8 [height, width, 3], and a function from a frame's
number to its picture.
"""

import json
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from barcode import Picture, read

Reading = tuple[list[Picture], Callable[[int], Picture]]


def pyav(path: Path) -> Reading:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    times = [frame.pts * frame.time_base for frame in frames]

    def at(number: int) -> Picture:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            wanted = round(times[number] / stream.time_base)
            container.seek(wanted, stream=stream)
            frame = next(frame for frame in container.decode(stream) if frame.pts >= wanted)
            assert frame.pts == wanted
            return frame.to_ndarray(format="rgb24")

    return [frame.to_ndarray(format="rgb24") for frame in frames], at


def opencv(path: Path) -> Reading:
    cv2: Any = pytest.importorskip("cv2")
    video = cv2.VideoCapture(str(path))
    pictures = []
    while (found := video.read())[0]:
        pictures.append(found[1])

    def at(number: int) -> Picture:
        if len(pictures) == 1:
            return pictures[0]  # OpenCV finds no frame by seeking where there is only one
        video.set(cv2.CAP_PROP_POS_FRAMES, number)
        is_there, picture = video.read()
        assert is_there
        return picture

    return pictures, at


def decord(path: Path) -> Reading:
    module: Any = pytest.importorskip("decord")
    video = module.VideoReader(str(path))
    if video[0].shape[2] != 3:
        pytest.skip(
            "decord2 3.4 takes some sizes, such as 96×64, for pictures of four channels, whoever wrote the file"
        )
    return [video[n].asnumpy() for n in range(len(video))], lambda number: video[number].asnumpy()


def torchcodec_exact(path: Path) -> Reading:
    return _torchcodec(path, "exact")


def torchcodec_approximate(path: Path) -> Reading:
    return _torchcodec(path, "approximate")


def _torchcodec(path: Path, seek_mode: str) -> Reading:
    decoders: Any = pytest.importorskip("torchcodec.decoders")
    video = decoders.VideoDecoder(str(path), dimension_order="NHWC", seek_mode=seek_mode)
    return [frame.numpy() for frame in video], lambda number: video[number].numpy()


def torchcodec_times(path: Path) -> Reading:
    """Frames by the time at which they are shown."""
    decoders: Any = pytest.importorskip("torchcodec.decoders")
    video = decoders.VideoDecoder(str(path), dimension_order="NHWC")
    with av.open(str(path)) as container:
        times = sorted(float(Fraction(frame.pts * frame.time_base)) for frame in container.decode(video=0))

    def at(number: int) -> Picture:
        found = video.get_frame_played_at(times[number] + 1e-4)
        assert bisect_right(times, found.pts_seconds + 1e-6) == number + 1
        return found.data.numpy()

    return [at(number) for number in range(len(times))], at


READERS: dict[str, Callable[[Path], Reading]] = {
    "pyav": pyav,
    "opencv": opencv,
    "decord": decord,
    "torchcodec_exact": torchcodec_exact,
    "torchcodec_approximate": torchcodec_approximate,
    "torchcodec_times": torchcodec_times,
}
# They take every frame to last as long as any other: wrong for rates that vary, whoever wrote the file.
OF_ONE_RATE = frozenset({"opencv", "torchcodec_approximate", "torchcodec_times"})


def read_numbers(reader: str, path: Path, places: Sequence[int]) -> tuple[list[int], list[int]]:
    """The numbers that all frames show, in order, and those of the frames sought; none where it cannot be read.

    All must be turned the same way: a player turns the whole file.
    """
    try:
        pictures, at = READERS[reader](path)
        found = [read(picture) for picture in pictures]
        assert len({(reading.quarter_turns, reading.mirrored) for reading in found}) <= 1
        return [reading.number for reading in found], [read(at(place)).number for place in places]
    except Exception as error:
        if type(error).__name__ != "DECORDError":
            raise
        return [], []


def read_alone(reader: str, path: Path, places: Sequence[int]) -> tuple[list[int], list[int]]:
    """`read_numbers` in a process of its own."""
    if reader == "decord" or reader.startswith("torchcodec"):
        pytest.importorskip(reader.partition("_")[0])
    command = [sys.executable, __file__, reader, str(path), *map(str, places)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    found, sought = json.loads(answer.stdout)
    return found, sought


if __name__ == "__main__":
    print(json.dumps(read_numbers(sys.argv[1], Path(sys.argv[2]), list(map(int, sys.argv[3:])))))
