"""Whether a decode gave the whole film: damage, one analysis frame for each time, the length that was stated."""

from pathlib import Path

from heaters.errors import MediaError
from heaters.media.ffmpeg import ANALYSIS_FRAME_BYTES
from heaters.media.ffmpeg_log import Log
from heaters.media.probe import Probe
from heaters.media.timeline import Timeline

# The container may state a little more than its last frame: rounding, and the tail of a sound.
SHORTFALL_SECONDS, SHORTFALL_FRAMES = 0.25, 2.5


def refuse_damage(log: Log, most_damage: float) -> None:
    """Raises MediaError where more than this share of the frames is made up or could not be decoded."""
    if log.lost_share > most_damage:
        raise MediaError(
            f"{log.concealed + log.decode_errors} of {log.frames_decoded + log.decode_errors} frames are damaged: "
            f"{log.concealed} made up in part, {log.decode_errors} not decoded; at most {most_damage:.0%} may be "
            f"(HEATERS_MOST_DAMAGE)\n{log.damage}"
        )


def check_analysis(analysis: Path, timeline: Timeline) -> None:
    """Raises MediaError unless there is one analysis frame for each time stamp."""
    frames, rest = divmod(analysis.stat().st_size, ANALYSIS_FRAME_BYTES)
    if rest or frames != len(timeline.pts):
        raise MediaError(f"{len(timeline.pts)} time stamps but {frames} analysis frames and {rest} bytes")


def shortfall(probe: Probe, end_seconds: float) -> str:
    """Why the decoded part is shorter than the container states; empty where it is not."""
    stated = probe.stated_end_seconds
    if stated is None or stated - end_seconds <= max(SHORTFALL_SECONDS, SHORTFALL_FRAMES / float(probe.frame_rate)):
        return ""
    return f"the container states {stated:.2f} s of video, {end_seconds:.2f} s decoded"
