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
    with ExitStack() as files:

        def opened(path: Path | None) -> Any:
            return path and files.enter_context(av.open(f"file:{path}", options={"protocol_whitelist": "file"}))

        copied, head, tail, sound = map(opened, (parts.copied, parts.head, parts.tail, parts.sound))
        try:
            pts = [at - start_pts for at in (*made.head, *made.pts, *made.tail)]
            encoded = [_sets(one, made.codec) for one in (head, tail) if one is not None]
            header = _header(made, encoded)
            tag = IN_BAND if encoded and made.codec == "hevc" else ""
            like = copied.streams.video[0]
            with Writer(
                str(out), like, pts, end_pts - start_pts, header, time_base=time_base, ticks_per_second=ticks, tag=tag
            ) as writer:
                stream = writer.add_sound(sound.streams.audio[0]) if sound is not None else None
                sounds = _sound(sound) if sound is not None else iter(())
                waiting = next(sounds, None)
                for payload, is_key, at in _video(made, head, copied, tail):
                    while waiting is not None and waiting.pts * waiting.time_base <= (at - start_pts) * time_base:
                        writer.write_sound(waiting, stream)
                        waiting = next(sounds, None)
                    writer.write(payload, is_key=is_key)
                while waiting is not None:
                    writer.write_sound(waiting, stream)
                    waiting = next(sounds, None)
        except av.FFmpegError as error:
            raise failure("the clip's parts cannot be joined", str(error)) from error


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


def _sound(sound: Any) -> Iterator[Any]:
    return (packet for packet in sound.demux(sound.streams.audio[0]) if packet.size)
