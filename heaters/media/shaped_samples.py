"""Samples of films whose picture changes its shape: ffmpeg's encoder of JPEGs has one size, so each picture lies at the
top left of a square, and is cut out of it and written again.
"""

import io
from pathlib import Path

from PIL import Image

from heaters.core.shapes import Shapes, Size
from heaters.media.probe import Probe
from heaters.media.samples import LONG_SIDE, TO_JPEG, sample_frames, sample_size, write_samples
from heaters.media.shape import sides_of_frame, stated_by
from heaters.media.timeline import Timeline

# Of a second JPEG of the same picture: as near to the first as that is to the source.
QUALITY = 95


def to_square(probe: Probe, shapes: Shapes) -> str:
    """The filters that make of a frame what `cut_out` takes; they go in place of `samples.to_sample`. `shapes`: of the
    frames that are chosen.
    """
    told = stated_by(probe, shapes)
    width, height = sides_of_frame(probe.rotation, told)
    share = f"min(1,{LONG_SIDE}/max({width},{height}))"
    each = "eval=frame:" if told is not None else ""
    sized = f"scale=w='max(1,round({width}*{share}))':h='max(1,round({height}*{share}))':{each}{TO_JPEG}"
    return f"{sized},pad={LONG_SIDE}:{LONG_SIDE}:0:0:eval=frame"


def write(jpegs: Path, packet_log: Path, probe: Probe, shapes: Shapes, timeline: Timeline) -> list[str]:
    """ffmpeg's arguments for one output: the samples as squares, for `finish`."""
    chosen = sample_frames(timeline.pts, timeline.time_base).tolist()
    told = Shapes.of_frames([shapes.size(frame, frame + 1) for frame in chosen])
    return write_samples(jpegs, packet_log, probe, to_square(probe, told))


def finish(shapes: Shapes, frame: int, jpeg: bytes) -> bytes:
    """The sample of frame number `frame` in its square."""
    return cut_out(jpeg, shapes.size(frame, frame + 1))


def cut_out(jpeg: bytes, shape: Size) -> bytes:
    """The sample of a frame of `shape` in a picture of `to_square`, as JPEG; the same bytes for the same picture."""
    width, height = sample_size(*shape)
    out = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).crop((0, 0, width, height)).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
