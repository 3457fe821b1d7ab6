"""Put a picture and a sound that were fetched apart into one file, by the clock that they share.

yt-dlp has ffmpeg open both, and ffmpeg lets each file begin at 0: what began later came too early.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from yt_dlp.postprocessor import FFmpegMergerPP
from yt_dlp.utils import prepend_extension

from heaters.media.mpd import time_offsets

# HLS states in an ID3 tag when a segment of bare sound begins (RFC 8216, 3.4): 33 bits that count 90,000 a second.
CLOCK_OWNER = b"com.apple.streaming.transportStreamTimestamp\0"
TICKS_PER_SECOND, CLOCK_TICKS = 90_000, 2**33
LOOKED_AT_BYTES = 64 * 2**10


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When a file's first packet is shown by its own clock, and how long it lasts. `wraps`: the clock has 33 bits."""

    start_seconds: Fraction
    duration_seconds: Fraction
    wraps: bool

    def counted_from(self, seconds: Fraction) -> "Times":
        """The same where 0 is another moment of the clock."""
        return replace(self, start_seconds=self.start_seconds - seconds)


def times_of(path: Path, kind: str) -> Times:
    """The clock of a fetched file's `video` or `audio`. Raises av.FFmpegError where it cannot be read."""
    opened: Any = av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    with opened as container:
        start = Fraction(container.start_time or 0, av.time_base)
        duration = Fraction(max(container.duration or 0, 0), av.time_base)
        is_transport = bool(container.format.flags & av.format.Flags.ts_discont.value)
        stream = next((one for one in container.streams if one.type == kind), None)
        if is_transport and stream is not None and stream.start_time is not None:
            start = stream.start_time * Fraction(stream.time_base)  # ffmpeg counts from the streams in use
    clock = _clock_of_bare_sound(path)
    if clock is not None:
        return Times(start_seconds=clock, duration_seconds=duration, wraps=True)
    return Times(start_seconds=start, duration_seconds=duration, wraps=is_transport)


def _clock_of_bare_sound(path: Path) -> Fraction | None:
    with path.open("rb") as file:
        head = file.read(LOOKED_AT_BYTES)
    at = head.find(CLOCK_OWNER) if head.startswith(b"ID3") else -1
    ticks = head[at + len(CLOCK_OWNER) :][:8]
    if at < 0 or len(ticks) < 8:
        return None
    return Fraction(int.from_bytes(ticks, "big") % CLOCK_TICKS, TICKS_PER_SECOND)


def sound_delay(picture: Times, sound: Times) -> Fraction:
    """How much later than the picture the sound begins, in seconds; below 0: earlier.

    0 where the two would not overlap: they count from different moments then, and share no clock.
    """
    delay = sound.start_seconds - picture.start_seconds
    if picture.wraps and sound.wraps:
        whole = Fraction(CLOCK_TICKS, TICKS_PER_SECOND)
        delay = (delay + whole / 2) % whole - whole / 2
    if delay > (picture.duration_seconds or delay) or -delay > (sound.duration_seconds or -delay):
        return Fraction(0)
    return delay


class Merger(FFmpegMergerPP):  # type: ignore[misc]
    """yt-dlp's merger, with time stamps kept."""

    def __init__(self, downloader: Any = None) -> None:
        super().__init__(downloader)
        self._offsets: dict[str, dict[str, Fraction]] = {}  # of each manifest

    def run(self, info: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
        """Merge `info["__files_to_merge"]`, of `info["requested_formats"]`, into `info["filepath"]`."""
        out, paths, formats = info["filepath"], info["__files_to_merge"], info["requested_formats"]
        part = prepend_extension(out, "temp")
        offsets = dict.fromkeys(paths, Fraction(0))
        if len(paths) == 2:
            by_path = dict(zip(paths, formats, strict=True))
            sound, picture = sorted(paths, key=lambda path: by_path[path].get("vcodec") != "none")
            with contextlib.suppress(av.FFmpegError):  # what PyAV cannot read ffmpeg will judge
                begins = self._begins(by_path[picture]), self._begins(by_path[sound])
                pictured, heard = times_of(Path(picture), "video"), times_of(Path(sound), "audio")
                delay = sound_delay(pictured.counted_from(begins[0]), heard.counted_from(begins[1]))
                # The later one is moved: an MP4 hides what lies before 0.
                offsets |= {sound: max(delay, Fraction(0)), picture: max(-delay, Fraction(0))}
                info["sound_delay_seconds"] = round(float(delay), 6)
        files = [(path, ["-itsoffset", f"{float(offsets[path]):.6f}"]) for path in paths]
        self.real_run_ffmpeg(files, [(part, self._maps(formats))])
        Path(part).replace(out)
        return paths, info

    def _begins(self, one: Mapping[str, Any]) -> Fraction:
        """Where the film begins by the clock of a format of DASH, in seconds; 0 of other formats."""
        url = str(one.get("manifest_url") or "")
        if not url or str(one.get("protocol")).startswith("m3u8"):
            return Fraction(0)
        if url not in self._offsets:
            self._offsets[url] = time_offsets(self._downloader.urlopen(url).read())
        name = str(one["format_id"])  # yt-dlp puts a word before the representation's own
        return next((at for key, at in self._offsets[url].items() if name in (key, f"dash-{key}")), Fraction(0))

    def _maps(self, formats: list[Mapping[str, Any]]) -> list[str]:
        """The first picture and the first sound of the formats that state one, copied."""
        maps, sounds = ["-c", "copy"], 0
        for number, one in enumerate(formats):
            if one.get("acodec") != "none":
                maps += ["-map", f"{number}:a:0"]
                if str(one.get("protocol")).startswith("m3u8") and self.get_audio_codec(one["filepath"]) == "aac":
                    maps += [f"-bsf:a:{sounds}", "aac_adtstoasc"]
                sounds += 1
            if one.get("vcodec") != "none":
                maps += ["-map", f"{number}:v:0"]
        return maps
