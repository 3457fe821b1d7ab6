"""Changes of a picture's aspect at one and the same size: broadcasts and DVDs in MPEG-2 go from 4:3 to 16:9 and back.

ffmpeg's command line gives all frames the pixels' shape that it found at first, so the stream's own headers are read: a
few places of the file tell whether two of them differ, and only then ffmpeg copies all of them out, with their times.
"""

import re
from bisect import bisect_right
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from heaters.core.shapes import Shapes
from heaters.errors import MediaError
from heaters.media import ffmpeg, sound
from heaters.media.probe import Probe
from heaters.media.tee import tee
from heaters.media.timeline import Timeline

CODEC = "mpeg2video"
# ISO/IEC 13818-2, 6.2.2.1: the start code, width and height in 12 bits each, then the aspect in 4.
HEADER, ASPECT_BYTE, HEADER_UNIT = b"\x00\x00\x01\xb3", 7, 0xB3
WHOLE_HEADER = re.compile(re.escape(HEADER) + b".{4}", re.DOTALL)
ASPECTS = {2: Fraction(4, 3), 3: Fraction(16, 9), 4: Fraction(221, 100)}  # of the picture; 1: pixels are square
# Half a second of a broadcast, in which there is a header; a change that lasts a minute of two hours is found.
LOOKS, LOOK_BYTES = 128, 2**19


def with_flips(
    source: Path,
    probe: Probe,
    shapes: Shapes,
    timeline: Timeline,
    folder: Path,
    *,
    has_audio: bool,
    timeout_seconds: float,
    memory_bytes: int,
) -> Shapes:
    """`shapes`, the runs of the frames of `timeline`, each frame with the aspect that its own header states.

    As they are where the file states one aspect, and where its headers cannot be copied out. Raises StageTimeout,
    StoreError and ChildDied.
    """
    if probe.codec != CODEC or len(aspects_looked_at(source)) < 2:
        return shapes
    units, log = folder / "headers.bin", folder / "headers.txt"
    with suppress(MediaError):
        ffmpeg.run(
            [
                *ffmpeg.read_file(source, probe, threads=1),
                *("-map", f"0:{probe.video_stream_index}", "-c", "copy", "-bsf:v"),
                *(f"filter_units=pass_types={HEADER_UNIT}", "-f", "tee", tee(units, "rawvideo", log)),
                *(sound.attempt(probe) if has_audio else ()),  # times count from the first of all streams in use
            ],
            timeout_seconds=timeout_seconds,
            memory_bytes=memory_bytes,
        )
        shapes = _flipped(shapes, probe, timeline, read_headers(units, log, timeline.time_base, int(timeline.pts[0])))
    for path in (units, log):
        path.unlink(missing_ok=True)
    return shapes


def aspects_looked_at(source: Path) -> set[int]:
    """The aspects in headers at some places of a file. A header that is cut in two by other data may be misread."""
    size, found = source.stat().st_size, set()
    with source.open("rb") as file:
        for place in range(LOOKS):
            file.seek(max(size - LOOK_BYTES, 0) * place // (LOOKS - 1))
            data = file.read(LOOK_BYTES)
            found |= {one[0][ASPECT_BYTE] >> 4 for one in WHOLE_HEADER.finditer(data)}
            if size <= LOOK_BYTES:
                break
    return found & {1, *ASPECTS}


def read_headers(units: Path, log: Path, time_base: Fraction, first_pts: int) -> list[tuple[int, int]]:
    """From when on, in ticks of `time_base`, frames have an aspect, and which, in order of time.

    Times of decoding, for packets may lack those of showing. A header counts for what is decoded after it, and that is
    shown as much later as the first frame, at `first_pts`, after the first packet.
    """
    data, at, base = units.read_bytes(), 0, time_base
    found: list[tuple[int, int]] = []
    for line in log.read_text().splitlines():
        if line.startswith("#tb 0: "):
            base = Fraction(line.removeprefix("#tb 0: "))
        if not line.startswith("#"):
            _, dts, _, _, length, *_ = line.split(",")
            if data[at : at + 4] == HEADER:
                found.append((round(int(dts) * base / time_base), data[at + ASPECT_BYTE] >> 4))
            at += int(length)
    delay = max(first_pts - found[0][0], 0) if found else 0
    return sorted((dts + delay, aspect) for dts, aspect in found)


def _flipped(shapes: Shapes, probe: Probe, timeline: Timeline, headers: list[tuple[int, int]]) -> Shapes:
    """Each frame has the height that it had, and the width by the last header that is shown before it or with it."""
    square = Fraction(probe.coded_width, probe.coded_height)
    times = [pts for pts, _ in headers]
    taken = Fraction(probe.width, probe.height)
    sizes = []
    for frame, pts in enumerate(timeline.pts.tolist()):
        width, height = shapes.size(frame, frame + 1)
        code = headers[max(bisect_right(times, pts) - 1, 0)][1] if headers else 0
        stated = ASPECTS.get(code, square if code == 1 else taken)
        # Rounded sides have about the aspect that is stated.
        is_taken = abs(stated - taken) * height < 1
        sizes.append((width if is_taken else max(round(width * stated / taken), 1), height))
    return Shapes.of_frames(sizes)
