"""One MP4 of encoded head, copied packets, encoded tail and sound."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from heaters.media.splice import nal
from heaters.media.splice.encoder import Encoded
from heaters.media.splice.plan import Plan
from heaters.media.splice.written import Writer

IN_BAND = "hev1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is joined. `copied_pts` and `copied` (payload, and whether a seek may lead there) are in decode order;
    `sets` their parameter sets. None: the clip has no such frames.
    """

    codec: str
    made: Plan
    copied_pts: Sequence[int]
    copied: Iterable[tuple[bytes, bool]]
    sets: Sequence[bytes]
    head: Encoded | None
    tail: Encoded | None
    sound: Path | None


def join(out: Path, like: Any, parts: Parts, *, start_pts: int, end_pts: int, ticks: int) -> None:
    """Write `out`, whose pictures are like the stream `like`. H.264: all parameter sets lie in the header, each under a
    number of its own. HEVC, whose encoder cannot number them: before each key frame, in band.
    """
    pts = [at - start_pts for at in (*parts.made.head, *parts.copied_pts, *parts.made.tail)]
    is_in_band = parts.codec == "hevc" and bool(parts.head or parts.tail)
    writer = Writer(
        str(out), like, pts, end_pts - start_pts, _header(parts), ticks=ticks, tag=IN_BAND if is_in_band else ""
    )
    with writer, _Sound(writer, parts.sound) as sound:
        for at, (payload, is_key) in zip(pts, _video(parts, is_in_band=is_in_band), strict=True):
            sound.write_until(at * Fraction(like.time_base))
            writer.write(payload, is_key=is_key)
        sound.write_until(None)


class _Sound:
    """The packets of a file's sound, written between those of the pictures. `path` may be None, or hold none."""

    def __init__(self, writer: Writer, path: Path | None) -> None:
        self._writer = writer
        self._file = path and av.open(f"file:{path}", options={"protocol_whitelist": "file"})
        stream = next(iter(self._file.streams.audio), None) if self._file else None
        self._stream = writer.add_sound(stream) if stream is not None else None
        demuxed: Iterable[Any] = self._file.demux(stream) if self._file and stream is not None else ()
        self._packets = (packet for packet in demuxed if packet.size)
        self._next = next(self._packets, None)

    def __enter__(self) -> "_Sound":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def write_until(self, seconds: Fraction | None) -> None:
        """What is heard up to this time; None: all."""
        while self._next is not None and (seconds is None or self._next.pts * self._next.time_base <= seconds):
            self._writer.write_sound(self._next, self._stream)
            self._next = next(self._packets, None)


def _header(parts: Parts) -> list[bytes]:
    """The parameter sets of the file's header; none where there are no units."""
    encoded = [piece.sets for piece in (parts.head, parts.tail) if piece is not None]
    if parts.codec == "h264":
        return list(dict.fromkeys([*parts.sets, *(unit for sets in encoded for unit in sets)]))
    return list(encoded[0] if encoded and parts.head else parts.sets)


def _video(parts: Parts, *, is_in_band: bool) -> Iterator[tuple[bytes, bool]]:
    """Payload of every packet in decode order, and whether a seek may lead there."""
    own = nal.with_start_codes(parts.sets) if is_in_band else b""
    yield from _encoded(parts.head, is_in_band=is_in_band)
    for payload, is_key in parts.copied:
        yield (own if is_key else b"") + payload, is_key
    yield from _encoded(parts.tail, is_in_band=is_in_band)


def _encoded(piece: Encoded | None, *, is_in_band: bool) -> Iterator[tuple[bytes, bool]]:
    if piece is not None:
        sets = nal.with_start_codes(piece.sets) if is_in_band else b""
        for place, payload in enumerate(piece.payloads()):
            yield (sets if place == 0 else b"") + payload, place == 0
