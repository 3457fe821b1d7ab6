"""Pictures from outside, hostile until proven otherwise: a data URL → its bytes, looked at → its pixels."""

import base64
import binascii
import io
import math
import re
from typing import TYPE_CHECKING

from deployments.limits import Limits
from deployments.problems import Problem

if TYPE_CHECKING:
    from PIL.Image import Image

# What PIL reads with decoders that are kept up; not the many formats nobody sends.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
ORIENTATION = 0x0112  # EXIF's tag for how the camera was held
PREFIX = "data:image/"
# Models look at 224 to 512 pixels a side. A picture with more pixels than a square of this side is made smaller,
# however long it is, so that a batch stays small.
_ENOUGH_PIXELS_A_SIDE = 1024
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,", re.IGNORECASE)


def is_picture(text: str) -> bool:
    """Whether an input is a picture's data URL rather than words."""
    return text[: len(PREFIX)].lower() == PREFIX


def picture_bytes(url: str, limits: Limits, *, param: str) -> tuple[bytes, int]:
    """The file inside `data:image/…;base64,…`, its size within the limits, and how many pixels its header says.

    Raises Problem 400 for what is none, 413 for too much of it; `param` names the field.
    """
    head = _DATA_URL.match(url)
    if head is None:
        raise Problem(400, f"{param}: a picture is data:image/TYPE;base64,DATA", param=param, code="invalid_image")
    if (len(url) - head.end()) * 3 // 4 > limits.picture_bytes:
        raise Problem(413, f"{param}: a picture may have {limits.picture_bytes} bytes", param=param)
    try:
        data = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise Problem(400, f"{param}: a picture's data must be base64", param=param, code="invalid_image") from None
    return data, _pixels(data, limits, param)


def _pixels(data: bytes, limits: Limits, param: str) -> int:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            width, height = picture.size
    except Image.DecompressionBombError:
        raise Problem(413, f"{param}: a picture may have {limits.picture_pixels} pixels", param=param) from None
    except Exception:  # its parsers raise what they like on garbage: OSError, SyntaxError, ValueError, struct.error, …
        raise _unreadable(param) from None
    if width * height > limits.picture_pixels:
        raise Problem(
            413, f"{param}: a picture may have {limits.picture_pixels} pixels; got {width} × {height}", param=param
        )
    if max(width, height) > limits.picture_aspect * min(width, height):
        rule = f"{param}: a picture's sides may differ {limits.picture_aspect} times; got {width} × {height}"
        raise Problem(400, rule, param=param, code="invalid_image")
    return int(width * height)


def decoded(data: bytes) -> "Image":
    """The pixels, upright, RGB, at most about four million: made smaller before they are copied for anything else.
    Raises Problem 400 for a damaged file.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            pixels = picture.width * picture.height
            width, height = (2 * side // _factor(pixels) for side in picture.size)
            picture.draft("RGB", (width, height))  # JPEG decodes to less
            turned = picture.getexif().get(ORIENTATION)
            plain = picture if picture.mode == "RGB" else picture.convert("RGB")  # no copy of it whole
            factor = _factor(plain.width * plain.height)
            small = plain.reduce(factor) if factor > 1 else plain
            if turned:
                small.getexif()[ORIENTATION] = turned
            return ImageOps.exif_transpose(small)
    except Exception:
        raise _unreadable("input") from None


def _factor(pixels: int) -> int:
    return max(int(math.sqrt(pixels)) // _ENOUGH_PIXELS_A_SIDE, 1)


def _unreadable(param: str) -> Problem:
    return Problem(
        400, f"{param}: not a picture that can be read ({', '.join(FORMATS)})", param=param, code="invalid_image"
    )
