"""A cut list as EDL in the CMX 3600 format, which every editor reads: one event a shot, straight cuts.

Timecodes carry no rate: the person who opens the list says it. `FCM` and the ';' say whether it is drop-frame.
"""

from heaters.core.cutlists.cutlist import CutList

# The reel of material that has no tape: editors then go by the file's name in the comment.
REEL = "AX"


def edl(cuts: CutList) -> str:
    """The text of the list. Raises RuleError where it is longer than a day of timecode."""
    clock = cuts.clock
    lines = [
        f"TITLE: {_plain(cuts.title)}",
        f"FCM: {'DROP FRAME' if clock.drop else 'NON-DROP FRAME'}",
        "",
    ]
    track = "B   " if cuts.media.has_audio else "V   "  # B: picture and first sound
    digits = max(3, len(str(len(cuts.shots))))
    record = cuts.record_frame
    for number, shot in enumerate(cuts.shots, 1):
        source = cuts.media.start_frame + shot.start_frame
        # A camera's own timecode passes midnight; the list's may not.
        taken = [clock.timecode(frame % clock.frames_a_day) for frame in (source, source + shot.frames)]
        codes = " ".join([*taken, clock.timecode(record), clock.timecode(record + shot.frames)])
        lines += [
            f"{number:0{digits}d}  {REEL:<8} {track} C        {codes}",
            f"* FROM CLIP NAME: {_plain(cuts.media.name)}",
            f"* COMMENT: {_plain(shot.name)}",
        ]
        record += shot.frames
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """One line without control characters: a title from the web could end the line and write events of its own."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
