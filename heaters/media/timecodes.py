"""The timecode that a file states: of a QuickTime track, of MXF, GXF and DV, or as a tag of any container.

Which frame a timecode is, `core/timecode.py` knows.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from heaters.media.boxes import sample_entries

TAG = "timecode"
_FORM = re.compile(r"\s*(\d\d:\d\d:\d\d)([:;.,])(\d{2,3})\s*")
# The description of a QuickTime timecode track: ticks per second and per frame at these places.
TRACK, TICKS, FRAME_TICKS = b"tmcd", slice(16, 20), slice(20, 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a file says of its first frame; empty where it says nothing. Drop-frame has ';' before its frames."""

    stream_timecode: str  # of the picture, or of a track beside it
    format_timecode: str  # of the container as a whole
    rate: Fraction | None  # frames a second that it counts, where that is stated


def stated(container: Any, stream: Any, path: Path) -> Stated:
    """The timecode of an open file whose picture is `stream`."""
    beside = [other for other in container.streams if other.type == "data"]
    found = (_tag(one.metadata) for one in (stream, *beside))
    is_quicktime = container.format.name.startswith("mov,")
    return Stated(
        stream_timecode=next((text for text in found if text), ""),
        format_timecode=_tag(container.metadata),
        rate=_track_rate(path) if is_quicktime else None,
    )


def _tag(metadata: Mapping[str, str]) -> str:
    """The tag in one form: 01:02:03:04, or 01:02:03;04 for drop-frame, which some write with a point or a comma."""
    text = next((value for name, value in metadata.items() if name.lower() == TAG), "")
    match = _FORM.fullmatch(text)
    return f"{match[1]}{':' if match[2] == ':' else ';'}{match[3]}" if match else ""


def _track_rate(path: Path) -> Fraction | None:
    """How many frames a second the timecode track counts: of film at 60, often 30."""
    for name, body in sample_entries(path):
        ticks, of_frame = (int.from_bytes(body[place], "big") for place in (TICKS, FRAME_TICKS))
        if name == TRACK and ticks and of_frame:
            return Fraction(ticks, of_frame)
    return None
