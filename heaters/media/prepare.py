"""Prepare a source: one decode makes the sample track, the 48×27 analysis frames, every frame's PTS, maybe the proxy.

It knows no store and no stage: files in, files out.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from heaters.core.shapes import Shapes
from heaters.errors import MediaError
from heaters.media import ffmpeg, shaped_samples, sound
from heaters.media.ffmpeg import OnProgress
from heaters.media.flips import with_flips
from heaters.media.probe import Probe
from heaters.media.proxy import is_fit_proxy, is_in_step, write_proxy
from heaters.media.room import Outgrown, Room
from heaters.media.samples import pack, read_jpegs, write_samples
from heaters.media.shape import stated_by
from heaters.media.shape_log import read_shapes, write_shapes
from heaters.media.timeline import Timeline, read_last_duration, read_pts_log
from heaters.media.track import Track, read_track
from heaters.media.wholeness import check_analysis, refuse_damage, shortfall

# Address space. Measured: a tiny file takes 1.4 GiB of it with 2 threads, 10-bit 8K HEVC 2.0 with 2, 5.4 with 32.
MEMORY_BYTES = 6 * 2**30

PROXY_NAME = "proxy.mp4"
MOST_DAMAGE = 0.5  # of the frames: what is mostly made up by a decoder is no film

# What analysis frames and PTS depend on, for their keys. Raise the version when a change here makes others.
ANALYSIS_SETTINGS: dict[str, object] = {
    "analysis": "48x27 rgb24 bicubic",
    "end": "duration of the last frame",
    "version": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What `prepare` made. Frame n of the proxy, of the analysis frames and of the PTS is the same decoded frame.

    Frame n shows at `pts[n] * time_base` seconds, on the proxy's own timeline too; `end_pts` is the end of the last.
    """

    proxy: Path | None  # None: not asked for; the source itself where `reused`
    samples: Path  # a sample track, see `media/samples.py`
    analysis: Path  # raw RGB24, 48×27, frame after frame
    pts: Path  # .npy, int64 [frame_count]
    frame_count: int
    sample_count: int
    time_base: Fraction
    end_pts: int
    duration_seconds: float  # from 0 to the end of the last frame
    is_vfr: bool
    has_audio: bool  # sound was decoded
    shapes: Shapes  # the sides of every frame as displayed
    is_partial: bool  # the source is damaged or cut short: only what decodes is here
    partial_reason: str
    concealed: int  # frames that the decoder made up in part, or could not decode
    repaired_pts: int  # frames whose time stamp did not rise; moved to one tick after the frame before
    proxy_dropped: str  # why there is no proxy though one was asked for; empty where there is
    audio_dropped: str  # why its sound is left out though the source has some; empty where it is not
    reused: bool
    encode_fps: float  # frames per second of the whole decode and encode
    wall_seconds: float
    compression_ratio: float | None  # source bytes / proxy bytes; None without a proxy


def prepare(
    source: Path,
    folder: Path,
    probe: Probe,
    *,
    threads: int,
    timeout_seconds: float,
    with_proxy: bool = True,
    on_progress: OnProgress | None = None,
    memory_bytes: int = MEMORY_BYTES,
    most_damage: float = MOST_DAMAGE,
) -> Prepared:
    """Decode `source` once and write `samples.zip`, `analysis.rgb`, `pts.npy` and, `with_proxy`, `proxy.mp4`.

    A source that is a fit proxy already is reused as it is. A damaged source yields its decodable part, marked; one of
    whose frames more than the share `most_damage` is made up or cannot be decoded is refused. Where the proxy would
    become larger than `Room` allows there is none, with the reason.
    Raises MediaError where not one frame decodes or the outputs do not agree frame by frame, StageTimeout, StoreError
    (disk full) and ChildDied.
    """
    deadline = time.monotonic() + timeout_seconds
    room = Room.of(folder, probe)
    job = _Job(
        source=source,
        folder=folder,
        probe=probe,
        threads=threads,
        memory_bytes=memory_bytes,
        most_damage=most_damage,
        on_progress=on_progress,
        room=room,
    )
    if not with_proxy:
        return _prepare(job, deadline, with_proxy=False)
    try:
        return _prepare(job, deadline, with_proxy=True)
    except Outgrown as error:
        # All else is much smaller: the film goes on, and is reviewed without a proxy.
        (folder / PROXY_NAME).unlink(missing_ok=True)
        return replace(_prepare(job, deadline, with_proxy=False), proxy_dropped=str(error))


def _prepare(job: "_Job", deadline: float, *, with_proxy: bool) -> Prepared:
    source, probe = job.source, job.probe
    if with_proxy and is_fit_proxy(probe):
        with suppress(MediaError):  # sound that cannot be decoded: such a file is no proxy
            made = _finish(job, deadline, proxy=source, has_audio=probe.has_audio)
            if made is not None:
                return made
    proxy = job.folder / PROXY_NAME if with_proxy else None
    if not probe.has_audio:
        return _encode(job, deadline, proxy=proxy, has_audio=False)
    try:
        return _encode(job, deadline, proxy=proxy, has_audio=True)
    except Outgrown:
        raise
    except MediaError as error:
        # Sound that cannot be decoded must not cost the pictures; where the pictures are at fault, this fails too.
        return _encode(job, deadline, proxy=proxy, has_audio=False, audio_dropped=str(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What all attempts at one source share."""

    source: Path
    folder: Path
    probe: Probe
    threads: int
    memory_bytes: int
    most_damage: float
    on_progress: OnProgress | None
    room: Room

    def watch(self, frames: int, seconds: float) -> None:
        """Progress. Raises MediaError once there are more frames than bytes: the same ones, over and over; and as
        `Room.check`.
        """
        self.room.check()
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
    def samples(self) -> Path:
        return self.folder / "samples.zip"

    def log(self, name: str) -> Path:
        """A file between ffmpeg and here."""
        return self.folder / name


def _encode(job: _Job, deadline: float, *, proxy: Path | None, has_audio: bool, audio_dropped: str = "") -> Prepared:
    made = _finish(job, deadline, proxy=proxy, has_audio=has_audio, audio_dropped=audio_dropped)
    assert made is not None
    return made


def _outputs(job: _Job, proxy: Path | None, *, has_audio: bool, shapes: Shapes | None = None) -> list[str]:
    """Arguments for what is made besides analysis frames and samples: the proxy, or a look whether sound decodes."""
    if proxy is not None and proxy != job.source:
        return write_proxy(proxy, job.probe, threads=job.threads, has_audio=has_audio, shapes=shapes)
    return sound.attempt(job.probe) if has_audio else []


def _finish(
    job: _Job, deadline: float, *, proxy: Path | None, has_audio: bool, audio_dropped: str = ""
) -> Prepared | None:
    """Run the one decode, check that all outputs agree, describe them.

    Where the proxy is the source itself and does not agree, None: it must be encoded after all.
    """
    jpegs, jpeg_log, pts_log, packet_log = map(job.log, ("samples.mjpeg", "samples.txt", "pts.txt", "packets.txt"))
    shape_log = job.log("shapes.txt")
    log, finished = ffmpeg.run(
        [
            *ffmpeg.read_file(job.source, job.probe, threads=job.threads),
            *_outputs(job, proxy, has_audio=has_audio),
            *ffmpeg.write_analysis(job.analysis, pts_log, packet_log, job.probe),
            *write_samples(jpegs, jpeg_log, job.probe),
            *write_shapes(shape_log, job.probe),
        ],
        timeout_seconds=max(deadline - time.monotonic(), 0.001),
        memory_bytes=job.memory_bytes,
        on_progress=job.watch,
    )
    refuse_damage(log, job.most_damage)
    timeline = read_pts_log(pts_log)
    end_pts = timeline.end_pts(read_last_duration(packet_log, timeline.time_base), job.probe.frame_rate)
    check_analysis(job.analysis, timeline)
    track = _proxy_track(job, proxy)
    if track is not None and not is_in_step(track, timeline.pts, timeline.time_base):
        if proxy == job.source:
            return None
        raise MediaError(
            f"{len(timeline.pts)} frames were decoded; the proxy holds {len(track.pts)}, or at other times"
        )
    shapes = read_shapes(shape_log, job.probe, len(timeline.pts))
    shapes = with_flips(
        job.source,
        job.probe,
        shapes,
        timeline,
        job.folder,
        has_audio=has_audio,
        timeout_seconds=max(deadline - time.monotonic(), 0.001),
        memory_bytes=job.memory_bytes,
    )
    finish = None
    if shapes.changes:
        _again(job, deadline, proxy, shapes, timeline, (jpegs, jpeg_log), has_audio=has_audio)
        finish = partial(shaped_samples.finish, shapes)
    sample_count = pack(job.samples, read_jpegs(jpegs, jpeg_log), timeline.pts, timeline.time_base, finish)
    for done in (jpegs, jpeg_log, pts_log, packet_log, shape_log):
        done.unlink()
    reason = log.damage or shortfall(job.probe, float(end_pts * timeline.time_base))
    pts = job.folder / "pts.npy"
    np.save(pts, timeline.pts)
    return Prepared(
        proxy=proxy,
        samples=job.samples,
        analysis=job.analysis,
        pts=pts,
        frame_count=len(timeline.pts),
        sample_count=sample_count,
        time_base=timeline.time_base,
        end_pts=end_pts,
        duration_seconds=float(end_pts * timeline.time_base),
        is_vfr=timeline.is_vfr,
        has_audio=has_audio and log.sound_frames > 0,
        shapes=shapes,
        is_partial=bool(reason),
        partial_reason=reason,
        concealed=log.concealed + log.decode_errors,
        repaired_pts=timeline.repaired_pts,
        proxy_dropped="",
        audio_dropped=audio_dropped,
        reused=proxy == job.source,
        encode_fps=len(timeline.pts) / finished.wall_seconds,
        wall_seconds=finished.wall_seconds,
        compression_ratio=None if proxy is None else job.probe.size_bytes / max(proxy.stat().st_size, 1),
    )


def _again(
    job: _Job,
    deadline: float,
    proxy: Path | None,
    shapes: Shapes,
    timeline: Timeline,
    written: tuple[Path, Path],
    *,
    has_audio: bool,
) -> None:
    """Where frames have several shapes, which is known at the end of the one decode, decode once more: the samples, and
    a proxy that had to know them.
    """
    is_wrong = stated_by(job.probe, shapes) is not None
    ffmpeg.run(
        [
            *ffmpeg.read_file(job.source, job.probe, threads=job.threads),
            *_outputs(job, proxy if is_wrong else None, has_audio=has_audio, shapes=shapes),
            *shaped_samples.write(*written, job.probe, shapes, timeline),
        ],
        timeout_seconds=max(deadline - time.monotonic(), 0.001),
        memory_bytes=job.memory_bytes,
        on_progress=job.watch,
    )


def _proxy_track(job: _Job, proxy: Path | None) -> Track | None:
    if proxy is None:
        return None
    return read_track(proxy, job.probe.video_stream_index if proxy == job.source else None)
