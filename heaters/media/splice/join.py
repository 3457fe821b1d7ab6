"""One MP4 of encoded head, copied packets, encoded tail and sound. It reads only files that were written here."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from heaters.media.ffmpeg import failure
from heaters.media.splice import nal
from heaters.media.splice.extract import Extracted
from heaters.media.splice.rules import NotCopied, Rule
from heaters.media.splice.written import Writer

IN_BAND = "hev1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The files to join; None: the clip does not need it."""

    copied: Path
    head: Path | None = None
    tail: Path | None = None
    sound: Path | None = None


def join(
    out: Path, parts: Parts, made: Extracted, *, start_pts: int, end_pts: int, time_base: Fraction, ticks: int
) -> None:
    """Write `out`. H.264: all parameter sets lie in the header, each under a number of its own. HEVC, whose encoder
    cannot number them: before each key frame, in band. Raises NotCopied where the parts are not the clip's frames.
    """
    try:
        with ExitStack() as files:

            def opened(path: Path | None) -> Any:
                return path and files.enter_context(av.open(f"file:{path}", options={"protocol_whitelist": "file"}))

            copied, head, tail, sound = map(opened, (parts.copied, parts.head, parts.tail, parts.sound))
            pts = [at - start_pts for at in (*made.head, *made.pts, *made.tail)]
            encoded = [_sets(one, made.codec) for one in (head, tail) if one is not None]
            writer = Writer(
                str(out),
                copied.streams.video[0],
                pts,
                end_pts - start_pts,
                _header(made, encoded),
                time_base=time_base,
                ticks_per_second=ticks,
                tag=IN_BAND if encoded and made.codec == "hevc" else "",
            )
            with writer:
                sounds = _Sound(writer, sound)
                for payload, is_key, at in _video(made, head, copied, tail):
                    sounds.write_until((at - start_pts) * time_base)
                    writer.write(payload, is_key=is_key)
                sounds.write_until(None)
    except av.FFmpegError as error:
        raise failure("the clip's parts cannot be joined", str(error)) from error
    except (ValueError, IndexError) as error:
        raise NotCopied(Rule.READ, f"the clip's parts cannot be joined ({error})") from error


class _Sound:
    """The packets of a file's sound, written between those of the pictures. `sound` may be None, or hold none."""

    def __init__(self, writer: Writer, sound: Any) -> None:
        stream = next(iter(sound.streams.audio), None) if sound is not None else None
        self._writer = writer
        self._stream = writer.add_sound(stream) if stream is not None else None
        self._packets = (packet for packet in sound.demux(stream) if packet.size) if stream is not None else iter(())
        self._next = next(self._packets, None)

    def write_until(self, seconds: Fraction | None) -> None:
        """What is heard up to this time; None: all."""
        while self._next is not None and (seconds is None or self._next.pts * self._next.time_base <= seconds):
            self._writer.write_sound(self._next, self._stream)
            self._next = next(self._packets, None)


def _header(made: Extracted, encoded: list[list[bytes]]) -> list[bytes]:
    """The parameter sets of the file's header; none where there are no units."""
    own = [bytes.fromhex(unit) for unit in made.header]
    if made.codec == "h264":
        return list(dict.fromkeys([*own, *(unit for sets in encoded for unit in sets)]))
    return encoded[0] if encoded and made.head else own


def _video(made: Extracted, head: Any, copied: Any, tail: Any) -> Iterator[tuple[bytes, bool, int]]:
    """Payload, whether a seek may lead there, and time, of every packet in decode order."""
    own = [bytes.fromhex(unit) for unit in made.header]
    is_in_band = made.codec == "hevc" and (made.head or made.tail)
    yield from _encoded(head, made.head, made.codec)
    for place, (payload, at) in enumerate(zip(_payloads(copied, made.codec), made.pts, strict=True)):
        is_key = made.is_key[place]
        yield (nal.with_start_codes(own) if is_in_band and is_key else b"") + payload, is_key, at
    yield from _encoded(tail, made.tail, made.codec)


def _encoded(part: Any, pts: tuple[int, ...], codec: str) -> Iterator[tuple[bytes, bool, int]]:
    if part is None:
        return
    sets = nal.with_start_codes(_sets(part, codec)) if codec == "hevc" else b""
    try:
        for place, (payload, at) in enumerate(zip(_payloads(part, codec), pts, strict=True)):
            yield (sets if place == 0 else b"") + payload, place == 0, at
    except ValueError as error:
        raise NotCopied(Rule.TIMES, f"not as many frames were encoded as the {len(pts)} expected") from error


def _sets(part: Any, codec: str) -> list[bytes]:
    units, _ = nal.header_units(part.streams.video[0].codec_context.extradata or b"", codec)
    syntax = nal.SYNTAX[codec]
    return [unit for unit in units if syntax.type_of(unit) in syntax.parameter_sets]


def _payloads(part: Any, codec: str) -> Iterator[bytes]:
    """The packets of a file's video, units with start codes, without parameter sets."""
    stream = part.streams.video[0]
    syntax = nal.SYNTAX.get(codec)
    length_bytes = 0
    if syntax is not None:
        _, length_bytes = nal.header_units(stream.codec_context.extradata or b"", codec)
    for packet in part.demux(stream):
        if packet.size == 0:
            continue
        payload = bytes(packet)
        if syntax is not None:
            units = nal.split(payload, length_bytes)
            payload = nal.with_start_codes(u for u in units if syntax.type_of(u) not in syntax.parameter_sets)
        yield payload
