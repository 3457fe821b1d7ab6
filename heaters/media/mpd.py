"""The clocks of a DASH manifest: which moment of each representation's own time is the beginning of the period.

ISO/IEC 23009-1, 5.3.9.2: presentation time is media time less `presentationTimeOffset`.
"""

from collections.abc import Iterator
from fractions import Fraction
from xml.etree import ElementTree

TIMED = ("SegmentTemplate", "SegmentList", "SegmentBase")


def time_offsets(manifest: bytes) -> dict[str, Fraction]:
    """The offset of each representation by its id, in seconds. Nothing of several periods, whose clocks start anew, nor
    of a manifest that cannot be read.
    """
    try:
        root = ElementTree.fromstring(manifest)
    except ElementTree.ParseError:
        return {}
    periods = root.findall("{*}Period")
    return dict(_of_period(periods[0])) if len(periods) == 1 else {}


def _of_period(period: ElementTree.Element) -> Iterator[tuple[str, Fraction]]:
    for group in period.findall("{*}AdaptationSet"):
        for one in group.findall("{*}Representation"):
            stated: dict[str, str] = {}
            for level in (period, group, one):  # the innermost counts
                for name in TIMED:
                    for timed in level.findall(f"{{*}}{name}"):
                        stated |= timed.attrib
            ticks, rate = stated.get("presentationTimeOffset", "0"), stated.get("timescale", "1")
            if ticks.isdigit() and rate.isdigit() and int(rate):
                yield one.get("id", ""), Fraction(int(ticks), int(rate))
