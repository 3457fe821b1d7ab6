"""A cut list as FCPXML 1.8, for Final Cut Pro and whatever else reads it: one asset, one `asset-clip` a shot.

Every time is a whole number of frames as a fraction of a second, so nothing is rounded on the way.
"""

import re
from fractions import Fraction
from xml.etree import ElementTree as Xml

from heaters.core.cutlists.cutlist import CutList

VERSION = "1.8"  # the newest that keeps the file's place as an attribute of the asset, which every reader knows
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def fcpxml(cuts: CutList) -> str:
    """The text of the list."""
    frame = 1 / cuts.clock.rate
    media = cuts.media
    counting = "DF" if cuts.clock.drop else "NDF"
    root = Xml.Element("fcpxml", version=VERSION)
    resources = Xml.SubElement(root, "resources")
    Xml.SubElement(
        resources, "format", id="r1", frameDuration=_seconds(1, frame), width=str(media.width), height=str(media.height)
    )
    asset = Xml.SubElement(
        resources,
        "asset",
        id="r2",
        name=_text(media.name),
        src=_text(media.url),
        start=_seconds(media.start_frame, frame),
        duration=_seconds(media.frame_count, frame),
        hasVideo="1",
        format="r1",
    )
    if media.has_audio:
        asset.attrib.update({"hasAudio": "1", "audioSources": "1", "audioChannels": "2"})
    event = Xml.SubElement(Xml.SubElement(root, "library"), "event", name="Heaters")
    project = Xml.SubElement(event, "project", name=_text(cuts.title))
    total = sum(shot.frames for shot in cuts.shots)
    sequence = Xml.SubElement(
        project,
        "sequence",
        format="r1",
        duration=_seconds(total, frame),
        tcStart="0s",  # as Final Cut Pro begins a project; offsets count from here
        tcFormat=counting,
    )
    spine = Xml.SubElement(sequence, "spine")
    at = 0
    for shot in cuts.shots:
        Xml.SubElement(
            spine,
            "asset-clip",
            ref="r2",
            name=_text(shot.name),
            offset=_seconds(at, frame),
            start=_seconds(media.start_frame + shot.start_frame, frame),
            duration=_seconds(shot.frames, frame),
            format="r1",
            tcFormat=counting,
        )
        at += shot.frames
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{Xml.tostring(root, "unicode")}\n'


def _seconds(frames: int, frame: Fraction) -> str:
    """A time as `numerator/denominator` with the rate's own denominator, as Final Cut Pro wants it: no decimals."""
    return f"{frames * frame.numerator}/{frame.denominator}s"


def _text(text: str) -> str:
    """What XML may hold of a text."""
    return _FORBIDDEN.sub(" ", text)
