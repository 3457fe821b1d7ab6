"""Stretches: the units of work on the clips of a video. It knows no stage.

Stretch k of a video holds the clips that start in the frames [k · STRETCH_FRAMES, (k + 1) · STRETCH_FRAMES). The grid
is fixed, so an edit of the cuts never moves a clip that it does not touch into another stretch. The function
`stretch_of` of the database is the same rule; a test compares them.
"""

from heaters.errors import RuleError

# About three minutes of film, some 70 clips: with the exports of its approved clips about a minute of work on a CPU.
STRETCH_FRAMES = 4096


def stretch_of(start_frame: int) -> int:
    """The stretch of a clip that starts at `start_frame`."""
    if start_frame < 0:
        raise RuleError(f"a frame is at least 0; got {start_frame}")
    return start_frame // STRETCH_FRAMES


def stretches_of(frame_count: int) -> range:
    """All stretches of a video of `frame_count` frames."""
    if frame_count < 1:
        raise RuleError(f"a video has at least 1 frame; got {frame_count}")
    return range(stretch_of(frame_count - 1) + 1)
