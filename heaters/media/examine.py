"""What the probe's child does: open a file with PyAV, choose its video stream, decode one frame.

Call `probe.probe` instead; this runs in the worker's own process only in tests.
"""

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av

from heaters.errors import MediaError
from heaters.media.contents import contents, listened, unevenness_seconds
from heaters.media.encryption import encrypted
from heaters.media.hole_search import LATE_SECONDS, holes_of, is_suspect, spans_of
from heaters.media.holes import Hole, removed_before
from heaters.media.probe import Probe
from heaters.media.shape import matrix_of, pixel_aspect, shown_sides, turn_of
from heaters.media.sniff import is_animated_webp, looks_like, moov_comes_first
from heaters.media.streams import Stream, mixed, pictures, sounds, told
from heaters.media.timecodes import stated
from heaters.media.unreadable import by_number

# Demuxers that open other files or URLs, show text as pictures, or hold a single image.
REFUSED_FORMATS = {
    "hls": "a playlist (HLS)",
    "dash": "a playlist (DASH)",
    "concat": "a list of files for ffmpeg",
    "imf": "a package of files (IMF)",
    "tty": "a text file",
    "image2": "a still image",
}
MAX_PIXELS = 2**26  # 8K is half of this; the header of a hostile file may claim far more
PACKETS_UNTIL_FRAME = 1500  # a stream cut in mid-GOP shows its first frame within a GOP
# An edit list may show a stretch twice; one that shows everything this often is a trap: 12 bytes each, hours to decode.
MOST_SHOWINGS = 4
INDEX_SAMPLE = 100_000  # entries of an index that are looked at for it
FALLBACK_RATE = Fraction(25)  # only where neither the container nor its packets tell


def examine(path: Path, passed: frozenset[int] = frozenset()) -> Probe:
    """The facts of `path`; streams in `passed` hold no picture after all. Raises MediaError as `probe.probe` does."""
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace") as container:
            return _examine(container, path, passed)
    except av.FFmpegError as error:
        raise by_number(error.errno, f"not a readable video ({error.strerror}); {looks_like(path)}") from error


def _examine(container: Any, path: Path, passed: frozenset[int]) -> Probe:
    name = container.format.name
    if name in REFUSED_FORMATS or name.endswith("_pipe"):
        # Before "a still image": FFmpeg up to 8 knows WebP as an image alone, and the file may be an animated one.
        if is_animated_webp(path):
            raise MediaError("an animated WebP, which cannot be decoded yet; convert it to GIF, APNG or MP4")
        raise MediaError(f"{REFUSED_FORMATS.get(name, 'a still image')}, not a video")
    streams = contents(container, path)
    picture, *others = _pictures(container, streams, path, passed)
    stream = container.streams[picture.index]
    is_mp4 = name.startswith("mov,")
    if is_mp4:
        _refuse_loop(stream)
    _refuse_encrypted(container, path, [picture, *_would_be_heard(streams, picture)])
    try:
        frame = _first_frame(container, stream, path)
    except MediaError:
        if others:
            return examine(path, passed | {picture.index})
        raise
    streams = listened(path, streams)
    sound = mixed(sounds(streams, picture))
    container_start = Fraction(container.start_time or 0, av.time_base)
    start = _seconds(stream.start_time, stream.time_base, container_start)
    stated_end = _stated_end(container, stream, container_start)
    aspect = pixel_aspect(Fraction(stream.sample_aspect_ratio or 0))
    rotation, turned = turn_of(_matrix(frame))
    width, height = shown_sides(frame.width, frame.height, aspect, rotation)
    timecode = stated(container, stream, path)
    holes, sound_end = _holes(container, stream, [one.index for one in sound], path, container_start)
    stated_end, whole = _closed(holes, stated_end), _closed(holes, (container.duration or 0) / av.time_base) or 0.0
    return Probe(
        container=name,
        codec=stream.codec_context.codec.canonical_name,
        width=width,
        height=height,
        coded_width=frame.width,
        coded_height=frame.height,
        sample_aspect_ratio=aspect,
        rotation=rotation,
        pixel_format=frame.format.name,
        bit_depth=max(component.bits for component in frame.format.components),
        frame_rate=Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or FALLBACK_RATE),
        time_base=Fraction(stream.time_base),
        start_seconds=max(start, 0.0),
        container_start_seconds=float(container_start),
        duration_seconds=max(stated_end - start, 0.0) if stated_end is not None else max(whole, 0.0),
        stated_end_seconds=stated_end,
        video_stream_index=stream.index,
        sound_indices=tuple(s.index for s in sound),
        audio_codec=sound[0].codec if sound else "",
        streams=told(streams, picture, sound),
        sound_unevenness_seconds=_unevenness(container, sound) if is_mp4 else 0.0,
        stream_timecode=timecode.stream_timecode,
        format_timecode=timecode.format_timecode,
        timecode_rate=timecode.rate,
        holes=holes,
        sound_end_seconds=sound_end,
        size_bytes=path.stat().st_size,
        intra_packets=_intra_packets(stream) if is_mp4 else None,
        is_faststart=is_mp4 and moov_comes_first(path),
        peculiar=(turned,) if turned else (),
    )


def _matrix(frame: Any) -> tuple[int, ...]:
    found = frame.side_data.get("DISPLAYMATRIX")
    return matrix_of(None if found is None else bytes(found))


def _unevenness(container: Any, sound: Sequence[Stream]) -> float:
    return max((unevenness_seconds(container.streams[one.index]) for one in sound), default=0.0)


def _closed(holes: Sequence[Hole], seconds: float | None) -> float | None:
    """A time of the file as it is where its holes are closed."""
    return None if seconds is None else seconds - removed_before(holes, seconds)


def _would_be_heard(streams: Sequence[Stream], picture: Stream) -> list[Stream]:
    """The sounds that count before any was decoded: one that cannot even be recognised may be encrypted."""
    return list(sounds(streams, picture)[:1] or [one for one in streams if one.kind == "audio"])


def _refuse_encrypted(container: Any, path: Path, streams: Sequence[Stream]) -> None:
    how = encrypted(container, path, {one.index for one in streams})
    if how:
        raise MediaError(f"is encrypted (DRM): {how}")


def _pictures(container: Any, streams: Sequence[Stream], path: Path, passed: frozenset[int]) -> list[Stream]:
    """The streams that may be the picture, best first. Raises MediaError where there is none."""
    found = [one for one in pictures(streams) if one.index not in passed]
    if found:
        return found
    _refuse_encrypted(container, path, streams)
    if any(one.kind == "video" and not one.codec for one in streams):
        raise MediaError("holds video in a codec that cannot be decoded")
    if container.streams.video:
        raise MediaError("holds no video, only cover art")
    if container.streams.audio:
        raise MediaError("holds no video, only audio")
    raise MediaError(f"holds no video; {looks_like(path)}")


def _first_frame(container: Any, stream: Any, path: Path) -> Any:
    context = stream.codec_context
    if context.width * context.height > MAX_PIXELS:
        raise MediaError(f"claims {context.width} × {context.height} pixels; at most {MAX_PIXELS} in all are decoded")
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS)}
    reason = "no error"
    packets = container.demux(stream)
    while True:
        try:
            for packet in islice(packets, PACKETS_UNTIL_FRAME):
                try:
                    frames = packet.decode()
                except av.FFmpegError as error:
                    reason = str(error.strerror)  # a damaged start; the next key frame may decode
                    continue
                if frames:
                    return frames[0]
        except av.FFmpegError as error:
            reason = str(error.strerror)
        raise MediaError(f"has a {context.name} stream without a decodable frame ({reason}); {looks_like(path)}")


def _refuse_loop(stream: Any) -> None:
    """Once an MP4 is open, its index holds a packet as often as the edit list shows it. Another container has no edit
    list, and its index may name one place many times: Matroska does it for each cluster of several frames.
    """
    shown = len(stream.index_entries)
    if shown <= MOST_SHOWINGS * max(stream.frames, 1):
        return
    # Not `stream.frames`: of a file that goes on in fragments it counts the beginning alone.
    looked_at = min(shown, INDEX_SAMPLE)
    held = len({entry.pos for entry in islice(stream.index_entries, looked_at)})
    if looked_at > MOST_SHOWINGS * held:
        raise MediaError(f"has an edit list that shows {held} frames {shown} times; at most {MOST_SHOWINGS} each")


def _holes(
    container: Any, stream: Any, sounds: Sequence[int], path: Path, start: Fraction
) -> tuple[tuple[Hole, ...], float | None]:
    """The file's holes, and where sound has to end that goes on after the last picture. All packets are read where the
    index makes a hole likely.
    """
    with suppress(av.FFmpegError):
        container.seek(0)  # Matroska's index is read by the first seek
    if not is_suspect(container, stream):
        return (), None
    with av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace") as again:
        try:
            spans = spans_of(again, again.streams[stream.index], [again.streams[index] for index in sounds], start)
        except av.FFmpegError:
            return (), None  # a file that breaks off is read to its end by `prepare`, as it is
    holes = holes_of(spans, Fraction(stream.time_base))
    last = max(spans.sound_ends, default=0.0)
    end = spans.picture_end_seconds if len(spans.pictures) else last
    return holes, end - removed_before(holes, end) if last - end > LATE_SECONDS else None


def _seconds(ticks: int | None, time_base: Fraction, container_start: Fraction) -> float:
    return 0.0 if ticks is None else float(ticks * time_base - container_start)


def _stated_end(container: Any, stream: Any, container_start: Fraction) -> float | None:
    """The end of the video stream on the shifted timeline, where the container states it stream by stream. Where the
    clock may jump (transport streams) nothing is stated: ffmpeg guesses from the last time stamps.
    """
    if container.format.flags & av.format.Flags.ts_discont.value:
        return None
    if stream.duration:
        return _seconds((stream.start_time or 0) + stream.duration, stream.time_base, container_start)
    tag = stream.metadata.get("DURATION")  # Matroska: hh:mm:ss.nnnnnnnnn, counted from 0
    if tag and tag.count(":") == 2:
        hours, minutes, seconds = tag.split(":")
        return float(int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds) - container_start)
    if container.duration and len(container.streams) == 1:
        return float(Fraction(container.duration, av.time_base))
    return None


def _intra_packets(stream: Any) -> int | None:
    entries = stream.index_entries
    return len(entries) if len(entries) and all(entry.is_keyframe for entry in entries) else None
