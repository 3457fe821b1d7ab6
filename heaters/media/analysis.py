"""Filters of every branch of a decode, and the branch of the 48×27 frames that detectors see. Pure."""

from pathlib import Path

from heaters.media.fields import whole_pictures
from heaters.media.probe import Probe
from heaters.media.tee import tee
from heaters.media.tonemap import converted

ANALYSIS_WIDTH, ANALYSIS_HEIGHT = 48, 27
ANALYSIS_FRAME_BYTES = ANALYSIS_WIDTH * ANALYSIS_HEIGHT * 3
# Keeps every time stamp, makes what is not strictly rising rise by one tick, the same way in every branch and command.
REPAIR = "setpts='if(isnan(PREV_OUTPTS),max(PTS,0),max(PTS,PREV_OUTPTS+1))'"
KEEP_TIMES = ("-fps_mode", "passthrough", "-enc_time_base:v", "demux")
TO_ANALYSIS = f"scale={ANALYSIS_WIDTH}:{ANALYSIS_HEIGHT},format=rgb24"


def repaired(probe: Probe) -> str:
    """The filters before all others: times that rise, and whole pictures."""
    return REPAIR + whole_pictures(probe.fields, probe.time_base)


def to_analysis(probe: Probe) -> str:
    """The filters that make an analysis frame. The scaler is ffmpeg's default (bicubic), so the bytes equal those of
    `ffmpeg -s 48x27 -pix_fmt rgb24`; HDR is tone-mapped.
    """
    if probe.colour.is_hdr:
        return converted(probe.colour, f"{ANALYSIS_WIDTH}:{ANALYSIS_HEIGHT}", "out_range=pc,format=rgb24")
    return TO_ANALYSIS


def write_analysis(out: Path, pts_log: Path, packet_log: Path, probe: Probe) -> list[str]:
    """One output: every decoded frame as raw 48×27 RGB, and a line `pts demuxed_pts time_base` for each.

    The second log has a line for each as the muxer `framecrc` writes it: it alone tells how long a frame lasts.
    """
    return [
        *("-map", f"0:{probe.video_stream_index}", *KEEP_TIMES),
        *("-vf", f"{repaired(probe)},{to_analysis(probe)}"),
        *("-c:v", "rawvideo", "-stats_enc_pre:v", str(pts_log), "-stats_enc_pre_fmt:v", "{pts} {ptsi} {tb}"),
        *("-f", "tee", tee(out, "rawvideo", packet_log)),
    ]
