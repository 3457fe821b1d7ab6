"""The frames of the film, one after another, as raw yuv420p. It does not know files or encoders.

Every frame is one resize of a moving, fractional window of the picture, so that slow moves do not jitter by pixels.
"""

import math
from collections.abc import Iterator, Sequence

from PIL import Image

from heaters.sample.pictures import Picture, Planes, open_picture
from heaters.sample.reel import Transition, TrueCut
from heaters.sample.script import FRAME_RATE, Take, View

WIDTH, HEIGHT = 1280, 720

_SIZES = ((WIDTH, HEIGHT), (WIDTH // 2, HEIGHT // 2), (WIDTH // 2, HEIGHT // 2))
_BLACK: Planes = (Image.new("L", _SIZES[0], 16), Image.new("L", _SIZES[1], 128), Image.new("L", _SIZES[2], 128))
# Photos are blown up by two to five: luma bicubic, or edges show steps; chroma is soft anyhow.
_FILTERS = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.BILINEAR)


class _Camera:
    """One take as it is filmed: visible in [start_frame, end_frame), transitions included."""

    def __init__(self, take: Take, start_frame: int, end_frame: int) -> None:
        self._take = take
        self._start_frame = start_frame
        self._length_frames = end_frame - start_frame
        self._picture: Picture | None = None  # opened when first seen: only two are ever open

    def shoot(self, frame: int) -> Planes:
        """The take's image in `frame` of the film."""
        if self._picture is None:
            self._picture = open_picture(self._take.picture)
        elapsed_frames = frame - self._start_frame
        planes = self._picture.at(float(elapsed_frames / FRAME_RATE))
        view = between(self._take.begins, self._take.ends, elapsed_frames / self._length_frames)
        luma, blue, red = (
            plane.resize(size, how, box=window(plane.size, view))
            for plane, size, how in zip(planes, _SIZES, _FILTERS, strict=True)
        )
        return luma, blue, red


def frames(takes: Sequence[Take], cuts: Sequence[TrueCut]) -> Iterator[bytes]:
    """Raw yuv420p frames of WIDTH × HEIGHT, from 0 to the end of the last take."""
    end = sum(take.frames for take in takes)
    starts = [0, *(cut.start_frame if cut.kind is Transition.DISSOLVE else cut.frame for cut in cuts)]
    ends = [*(cut.end_frame if cut.kind is Transition.DISSOLVE else cut.frame for cut in cuts), end]
    cameras = [_Camera(*facts) for facts in zip(takes, starts, ends, strict=True)]
    here = 0
    for frame in range(end):
        while here < len(cuts) and frame >= cuts[here].end_frame:
            cameras[here] = cameras[-1]  # let its picture go
            here += 1
        cut = cuts[here] if here < len(cuts) and frame >= cuts[here].start_frame else None
        if cut is None:
            planes = cameras[here].shoot(frame)
        else:
            planes = _MIX[cut.kind](cameras[here], cameras[here + 1], cut, frame)
        yield b"".join(plane.tobytes() for plane in planes)


def _dissolve(left: _Camera, right: _Camera, cut: TrueCut, frame: int) -> Planes:
    # Strictly between 0 and 1: every frame of the span shows both.
    share = (frame - cut.start_frame + 1) / (cut.end_frame - cut.start_frame + 1)
    return _blend(left.shoot(frame), right.shoot(frame), share)


def _fade(left: _Camera, right: _Camera, cut: TrueCut, frame: int) -> Planes:
    if frame < cut.frame:
        return _blend(_BLACK, left.shoot(frame), (cut.frame - 1 - frame) / (cut.frame - cut.start_frame))
    return _blend(_BLACK, right.shoot(frame), (frame - cut.frame) / (cut.end_frame - cut.frame))


def _blend(left: Planes, right: Planes, share: float) -> Planes:
    luma, blue, red = (Image.blend(a, b, share) for a, b in zip(left, right, strict=True))
    return luma, blue, red


_MIX = {Transition.DISSOLVE: _dissolve, Transition.FADE: _fade}


def between(begins: View, ends: View, share: float) -> View:
    """The view at `share` (0 … 1) of a move that starts and stops softly."""
    eased = (1 - math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2
    # Half soft, half even: a move that nearly stands at the cut would look like a freeze.
    eased = (eased + share) / 2
    return View(
        zoom=begins.zoom + (ends.zoom - begins.zoom) * eased,
        x=begins.x + (ends.x - begins.x) * eased,
        y=begins.y + (ends.y - begins.y) * eased,
    )


def window(size: tuple[int, int], view: View) -> tuple[float, float, float, float]:
    """The part of a picture that a view shows, of the film's shape: left, top, right, bottom in fractional pixels."""
    width, height = size
    shown_width = min(width, height * WIDTH / HEIGHT) / view.zoom
    shown_height = shown_width * HEIGHT / WIDTH
    left = (width - shown_width) * view.x
    top = (height - shown_height) * view.y
    return left, top, min(left + shown_width, width), min(top + shown_height, height)
