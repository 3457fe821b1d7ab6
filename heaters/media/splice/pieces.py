"""Decode the frames that are to be encoded, each group of pictures once: the end of a clip and the start of the next
lie in the same group.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import av

from heaters.media.splice.encoder import Encoded
from heaters.media.splice.rules import NotCopied
from heaters.media.splice.source import packets
from heaters.media.splice.stream import Stream


@dataclass(slots=True, kw_only=True)
class Piece:
    """Frames to encode. `begin_pts`: of the packet where decoding starts, which needs none before it; None: at the
    first one that a seek to the piece leads to. `error` is set where the frames did not come.
    """

    encoded: Encoded
    begin_pts: int | None
    error: NotCopied | None = field(default=None)

    @property
    def start_pts(self) -> int:
        """Of the first frame."""
        return self.encoded.pts[0]


def encode(container: Any, stream: Any, known: Stream, offset: int, pieces: Sequence[Piece]) -> None:
    """Decode and encode all pieces, in order of their times."""
    ordered = sorted(pieces, key=lambda piece: piece.start_pts)
    for (begin_pts, _), group in groupby(ordered, key=_group):
        _encode_group(container, stream, known, offset, begin_pts, list(group))


def _group(piece: Piece) -> tuple[int | None, int]:
    """Pieces with the same one are decoded together."""
    return piece.begin_pts, piece.start_pts if piece.begin_pts is None else 0


def _encode_group(
    container: Any, stream: Any, known: Stream, offset: int, begin_pts: int | None, group: Sequence[Piece]
) -> None:
    wanted = {pts: piece for piece in group for pts in piece.encoded.pts}
    missing = set(wanted)
    context = stream.codec_context
    context.flush_buffers()
    start_pts = group[0].start_pts if begin_pts is None else begin_pts
    is_begun = begin_pts is None
    for _, packet in packets(container, stream, offset, start_pts, max(wanted) + 1):
        pts = packet.pts + offset
        is_begun = is_begun or pts == begin_pts
        if not is_begun or (pts not in wanted and known.is_disposable(packet)):
            continue
        _take(context, packet, wanted, offset)
        missing.discard(pts)
        if not missing:  # what a frame is made from comes before it
            break
    _take(context, None, wanted, offset)
    for piece in group:
        _try(piece, piece.encoded.finish)


def _take(context: Any, packet: Any, wanted: dict[int, Piece], offset: int) -> None:
    """Decode a packet; None: what the decoder still holds. Damage is left to the decoder, and to verification."""
    frames: list[Any] = []
    with suppress(av.FFmpegError):
        frames = context.decode(packet)
    for frame in frames:
        pts = None if frame.pts is None else frame.pts + offset
        if pts in wanted:
            piece = wanted[pts]
            _try(piece, lambda frame=frame, pts=pts, piece=piece: piece.encoded.take(frame, pts))


def _try(piece: Piece, work: Any) -> None:
    """Another clip's piece goes on where one fails."""
    if piece.error is None:
        try:
            work()
        except NotCopied as error:
            piece.error = error
