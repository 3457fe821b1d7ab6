"""Prepare a source: one decode makes the review proxy, the 48×27 analysis frames and every frame's PTS.

It knows no store and no stage: files in, files out.
"""

import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from heaters.errors import MediaError
from heaters.media import ffmpeg
from heaters.media.ffmpeg import ANALYSIS_FRAME_BYTES, Encoding, OnProgress
from heaters.media.probe import Probe
from heaters.media.timeline import Timeline, read_pts_log
from heaters.media.track import Track, read_track

MAX_WIDTH, MAX_HEIGHT = 1280, 720
# Measured on two cores at 1280×720, every frame a key frame, CRF 23: superfast 160 fps, veryfast 82, fast 39, and their
# files within 6 % of each other (fast −4 %): without prediction between frames a slower preset has nothing to find.
# CRF 28.25 makes the file that `fast` makes at 28, as like its source (SSIM 0.966 and 0.968); benchmarks/prepare.py.
PROXY = Encoding(preset="superfast", crf=28.25, keyframe_every=1, audio_bitrate="128k")
# Address space. Measured: a tiny file takes 1.4 GiB of it with 2 threads, 10-bit 8K HEVC 2.0 with 2, 5.4 with 32.
MEMORY_BYTES = 6 * 2**30
# The container may state a little more than its last frame: rounding, and the tail of a sound.
SHORTFALL_SECONDS, SHORTFALL_FRAMES = 0.25, 2.5

# What the output depends on, for its key. Raise the version when a change here makes other bytes or other times.
PREPARE_SETTINGS: dict[str, object] = {
    **asdict(PROXY),
    "max_width": MAX_WIDTH,
    "max_height": MAX_HEIGHT,
    "analysis": "48x27 rgb24 bicubic",
    "version": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What `prepare` made. Frame n of the proxy, of the analysis frames and of the PTS is the same decoded frame.

    Frame n shows at `pts[n] * time_base` seconds, on the proxy's own timeline too; `end_pts` is the end of the last.
    """

    proxy: Path  # the source itself where `reused`
    analysis: Path  # raw RGB24, 48×27, frame after frame
    pts: Path  # .npy, int64 [frame_count]
    frame_count: int
    width: int  # of the proxy
    height: int
    time_base: Fraction
    end_pts: int
    duration_seconds: float  # from 0 to the end of the last frame
    is_vfr: bool
    has_audio: bool  # of the proxy
    is_partial: bool  # the source is damaged or cut short: only what decodes is here
    partial_reason: str
    repaired_pts: int  # frames whose time stamp did not rise; moved to one tick after the frame before
    audio_dropped: str  # why the proxy has no sound though the source has; empty where nothing was dropped
    reused: bool
    encode_fps: float  # frames per second of the whole decode and encode
    wall_seconds: float
    compression_ratio: float  # source bytes / proxy bytes


def prepare(
    source: Path,
    folder: Path,
    probe: Probe,
    *,
    threads: int,
    timeout_seconds: float,
    on_progress: OnProgress | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> Prepared:
    """Decode `source` once and write `proxy.mp4`, `analysis.rgb` and `pts.npy` into `folder`.

    A source that is a fit proxy already is reused as it is. A damaged source yields its decodable part, marked.
    Raises MediaError where not one frame decodes or the outputs do not agree frame by frame, StageTimeout, StoreError
    (disk full) and WorkerLost.
    """
    deadline = time.monotonic() + timeout_seconds
    job = _Job(
        source=source, folder=folder, probe=probe, threads=threads, memory_bytes=memory_bytes, on_progress=on_progress
    )
    if is_fit_proxy(probe):
        made = _finish(job, deadline, outputs=[], proxy=source, has_audio=probe.has_audio)
        if made is not None:
            return made
    if not probe.has_audio:
        return _encode(job, deadline, has_audio=False)
    try:
        return _encode(job, deadline, has_audio=True)
    except MediaError as error:
        # Sound that cannot be decoded must not cost the pictures; where the pictures are at fault, this fails too.
        return _encode(job, deadline, has_audio=False, audio_dropped=str(error))


def proxy_size(width: int, height: int) -> tuple[int, int]:
    """Sides of the proxy for a picture shown as `width` × `height`: fits 1280×720, even, never larger than the picture.

    (Except that a side of one pixel becomes two, the least that 4:2:0 can hold.)
    """
    scale = min(Fraction(1), Fraction(MAX_WIDTH, width), Fraction(MAX_HEIGHT, height))
    return max(int(width * scale) // 2 * 2, 2), max(int(height * scale) // 2 * 2, 2)


def is_fit_proxy(probe: Probe) -> bool:
    """Whether a source may serve as its own review proxy, as far as its header tells."""
    return (
        probe.intra_packets is not None
        and probe.is_faststart
        and probe.codec == "h264"
        and probe.audio_codec in ("", "aac")
        and probe.pixel_format == "yuv420p"
        and probe.rotation == 0
        and (probe.coded_width, probe.coded_height) == (probe.width, probe.height)
        and proxy_size(probe.width, probe.height) == (probe.width, probe.height)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What all attempts at one source share."""

    source: Path
    folder: Path
    probe: Probe
    threads: int
    memory_bytes: int
    on_progress: OnProgress | None

    def watch(self, frames: int, seconds: float) -> None:
        """Progress. Raises MediaError once there are more frames than bytes: the same ones, over and over."""
        if frames > self.probe.size_bytes:
            raise MediaError(
                f"{self.source.name} has {self.probe.size_bytes} bytes and gave {frames} frames so far: "
                "it shows the same ones over and over"
            )
        if self.on_progress is not None:
            self.on_progress(frames, seconds)

    @property
    def analysis(self) -> Path:
        return self.folder / "analysis.rgb"

    @property
    def pts_log(self) -> Path:
        return self.folder / "pts.txt"


def _encode(job: _Job, deadline: float, *, has_audio: bool, audio_dropped: str = "") -> Prepared:
    proxy = job.folder / "proxy.mp4"
    width, height = proxy_size(job.probe.width, job.probe.height)
    outputs = ffmpeg.write_proxy(
        proxy, job.probe, PROXY, width=width, height=height, threads=job.threads, has_audio=has_audio
    )
    made = _finish(job, deadline, outputs=outputs, proxy=proxy, has_audio=has_audio, audio_dropped=audio_dropped)
    assert made is not None
    return made


def _finish(
    job: _Job, deadline: float, *, outputs: list[str], proxy: Path, has_audio: bool, audio_dropped: str = ""
) -> Prepared | None:
    """Run the one decode, check that all outputs agree, describe them.

    Where the proxy is the source itself (`outputs` is empty) and does not agree, None: it must be encoded after all.
    """
    reads = ffmpeg.read_file(job.source, job.probe, threads=job.threads)
    log, finished = ffmpeg.run(
        [*reads, *outputs, *ffmpeg.write_analysis(job.analysis, job.pts_log, job.probe)],
        timeout_seconds=max(deadline - time.monotonic(), 0.001),
        memory_bytes=job.memory_bytes,
        on_progress=job.watch,
    )
    timeline = read_pts_log(job.pts_log)
    job.pts_log.unlink()
    frame_count = len(timeline.pts)
    analysis_frames, rest = divmod(job.analysis.stat().st_size, ANALYSIS_FRAME_BYTES)
    if rest or analysis_frames != frame_count:
        raise MediaError(f"{frame_count} time stamps but {analysis_frames} analysis frames and {rest} bytes")
    track = read_track(proxy, job.probe.video_stream_index if proxy == job.source else None)
    if not _agree(track, timeline):
        if not outputs:
            return None
        raise MediaError(f"{frame_count} frames were decoded; the proxy holds {len(track.pts)}, or at other times")
    end_pts = timeline.end_pts(round(track.last_duration * track.time_base / timeline.time_base), job.probe.frame_rate)
    reason = log.damage or _shortfall(job.probe, float(end_pts * timeline.time_base))
    pts = job.folder / "pts.npy"
    np.save(pts, timeline.pts)
    return Prepared(
        proxy=proxy,
        analysis=job.analysis,
        pts=pts,
        frame_count=frame_count,
        width=track.width,
        height=track.height,
        time_base=timeline.time_base,
        end_pts=end_pts,
        duration_seconds=float(end_pts * timeline.time_base),
        is_vfr=timeline.is_vfr,
        has_audio=has_audio and track.audio_codec != "",
        is_partial=bool(reason),
        partial_reason=reason,
        repaired_pts=timeline.repaired_pts,
        audio_dropped=audio_dropped,
        reused=not outputs,
        encode_fps=frame_count / finished.wall_seconds,
        wall_seconds=finished.wall_seconds,
        compression_ratio=job.probe.size_bytes / max(proxy.stat().st_size, 1),
    )


def _agree(track: Track, timeline: Timeline) -> bool:
    """Whether the proxy has one key frame for each decoded frame, at exactly its time."""
    if not track.is_intra or len(track.pts) != len(timeline.pts):
        return False
    ratio = timeline.time_base / track.time_base
    return bool(np.array_equal(track.pts * ratio.denominator, timeline.pts * ratio.numerator))


def _shortfall(probe: Probe, end_seconds: float) -> str:
    """Why the decoded part is shorter than the container states; empty where it is not."""
    stated = probe.stated_end_seconds
    if stated is None or stated - end_seconds <= max(SHORTFALL_SECONDS, SHORTFALL_FRAMES / float(probe.frame_rate)):
        return ""
    return f"the container states {stated:.2f} s of video, {end_seconds:.2f} s decoded"
