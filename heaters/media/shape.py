"""How a decoded picture becomes the one that is shown: turns of the display matrix, shape of the pixels. Pure."""

import math
import struct
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from heaters.core.shapes import Shapes, Size

if TYPE_CHECKING:
    from heaters.media.probe import Probe

ASPECT_LIMIT = 8  # a pixel aspect ratio beyond 8:1 is a broken header, not a lens
NEAR_DEGREES = 1.0  # ffmpeg takes a turn for a quarter within one degree of it
# ffmpeg's expression for the shape of a pixel, as `pixel_aspect` has it.
PIXEL_ASPECT = f"if(between(sar,1/{ASPECT_LIMIT},{ASPECT_LIMIT}),sar,1)"
MOST_OF_ASPECT = 2**30  # of numerator and denominator; by itself ffmpeg rounds to 100
SAME_ASPECT = 0.01  # relative; below it a picture fills the sides that it is fitted into


def pixel_aspect(stated: Fraction) -> Fraction:
    """Width / height of a pixel; square where nothing (0) or nonsense is stated."""
    return stated if Fraction(1, ASPECT_LIMIT) <= stated <= ASPECT_LIMIT else Fraction(1)


def shown_sides(width: int, height: int, aspect: Fraction, rotation: int) -> Size:
    """Sides, in square pixels, of a decoded picture once it is stretched by its pixels' shape and turned clockwise."""
    stretched = max(round(width * aspect), 1), height
    return (stretched[1], stretched[0]) if rotation % 180 else stretched


def matrix_of(side_data: bytes | None) -> tuple[int, ...]:
    """The nine numbers of FFmpeg's display matrix; () where a frame has none."""
    return struct.unpack("=9i", side_data) if side_data and len(side_data) == 36 else ()


def turn_of(matrix: Sequence[int]) -> tuple[int, str]:
    """How far ffmpeg turns a picture clockwise, in quarters (0, 90, 180 or 270), and in words what it does beyond that.

    By `get_rotation` in FFmpeg's fftools/cmdutils.c and what fftools/ffmpeg_filter.c makes of it.
    """
    if not matrix:
        return 0, ""
    a, b, _, c, d = matrix[:5]
    across, down = math.hypot(a, c), math.hypot(b, d)
    if not across or not down:
        return 0, ""
    degrees = math.degrees(math.atan2(b / down, a / across)) % 360
    quarters = round(degrees / 90)
    if abs(degrees - 90 * quarters) >= NEAR_DEGREES:
        return 0, f"turned by {degrees:.0f}°"
    return 90 * quarters % 360, "mirrored" if a * d - b * c < 0 else ""


def stated_by(probe: "Probe", shapes: Shapes | None) -> Shapes | None:
    """The shapes that filters have to be told by the frames' numbers, because a frame does not say its own: see
    `flips.py`. Not where the picture's size changes, which a frame says, and with which filters count anew.
    """
    if shapes is None or probe.codec != "mpeg2video":
        return None
    return shapes if {height for _, _, height in shapes.runs} == {probe.height} else None


def sides_of_frame(rotation: int, told: Shapes | None = None) -> tuple[str, str]:
    """ffmpeg's expressions for the sides of a frame in square pixels, as `shown_sides` has them, once it is turned."""
    if told is not None:
        return f"max(1,round(ih*{_aspect(told)}))", "ih"
    if rotation % 180:
        return "iw", f"max(1,round(ih/({PIXEL_ASPECT})))"
    return f"max(1,round(iw*({PIXEL_ASPECT})))", "ih"


def fit(width: int, height: int, shape: Size, told: Shapes | None = None) -> str:
    """Filters that bring every frame to `width` × `height`, both even: those of about the aspect of `shape` fill it,
    the others lie in the middle, between bars. `told`: the shapes of the frames that come, where these do not say them.
    """
    return f"scale={fitted(width, height, shape, told)},{bars(width, height)}"


def fitted(width: int, height: int, shape: Size, told: Shapes | None = None) -> str:
    """The options of the filter `scale` in `fit`."""
    wide = _aspect(told)
    fills = f"lt(abs({wide}*{shape[1]}/{shape[0]}-1),{SAME_ASPECT})"
    across = f"if({fills},{width},max(2,trunc(min({width},{height}*{wide})/2)*2))"
    down = f"if({fills},{height},max(2,trunc(min({height},{width}/{wide})/2)*2))"
    return f"w='{across}':h='{down}'" + (":eval=frame" if told is not None else "")


def bars(width: int, height: int) -> str:
    """The filter that puts frames of any size within `width` × `height` between bars."""
    return f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:eval=frame"


def _aspect(told: Shapes | None) -> str:
    """ffmpeg's expression for width / height of a frame as shown; with `told` by its number."""
    if told is None:
        return f"(a*({PIXEL_ASPECT}))"
    aspects = [(start, width / height) for start, width, height in told.runs]
    # The filter `scale` counts the frame that is there already: of the first one, n is 1.
    steps = [f"+gt(n,{start})*({now - before:.9f})" for (_, before), (start, now) in pairwise(aspects)]
    return f"({aspects[0][1]:.9f}{''.join(steps)})"


def even(size: Size) -> Size:
    """The largest even sides within `size`, at least 2: what 4:2:0 can hold."""
    return max(size[0] // 2 * 2, 2), max(size[1] // 2 * 2, 2)


def export_filters(probe: "Probe", shapes: Shapes | None, frames: int) -> tuple[str, str]:
    """Filters that give a clip of `frames` one shape, and those that take an odd side's last line; each begins with a
    comma. A clip of several shapes (`shapes`, from its first frame on) has square pixels and the shape of most frames.
    """
    shaped = ""
    if shapes is not None and shapes.are_mixed(0, frames):
        size = shapes.size(0, frames)
        shaped = f",{fit(*even(size), size, stated_by(probe, shapes))},setsar=1"
    elif stated_by(probe, shapes) and shapes is not None and shapes.size(0, frames) != (probe.width, probe.height):
        width, height = shapes.size(0, frames)
        shaped = f",setdar=r={width}/{height}:max={MOST_OF_ASPECT}"
    elif probe.peculiar:
        aspect = 1 / probe.sample_aspect_ratio if probe.rotation % 180 else probe.sample_aspect_ratio
        shaped = f",setsar=r={aspect}:max={MOST_OF_ASPECT}"
    is_odd = probe.width % 2 or probe.height % 2 or probe.coded_width % 2 or shapes is not None
    if 1 in (probe.coded_width, probe.coded_height):  # nothing can be taken of it: two lines that are half as thick
        return shaped, ",scale=w='max(2,trunc(iw/2)*2)':h='max(2,trunc(ih/2)*2)'"
    return shaped, ",crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0" if is_odd else ""
