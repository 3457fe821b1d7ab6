"""Whether browsers play a master as it is: until its proxy is made, a reviewer sees the master itself."""

from heaters.media.prepare import Prepared
from heaters.media.probe import Probe

CONTAINERS = ("mov,", "matroska,")  # MP4 and WebM
CODECS = frozenset({"h264", "vp8", "vp9", "av1"})


def is_playable(probe: Probe, prepared: Prepared) -> bool:
    """Whether Chromium and its kind show the same frames at the same times as the PTS table says.

    They do not shift a file to where its container starts, and repair no time stamps.
    """
    return (
        probe.container.startswith(CONTAINERS)
        and probe.codec in CODECS
        and probe.pixel_format == "yuv420p"
        and probe.is_heard_alike
        and not probe.holes
        and not probe.peculiar
        and probe.container_start_seconds == 0
        and prepared.repaired_pts == 0
        and not prepared.is_partial
    )
