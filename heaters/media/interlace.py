"""Look whether a film's frames are two fields each: by its own flags, and by its pictures. In the probe's child."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

import av
from av.filter import Graph

from heaters.media.fields import Fields, judged

# Flags of whole pictures are believed: unflagged combs are rare, and looking for them would decode every film.
UNKNOWN, PROGRESSIVE = 0, 1  # of ffmpeg's AVFieldOrder
BOTTOM_SHOWN_FIRST = (3, 4)  # coded either way
LOOKED_AT = 60  # frames of the beginning and of the middle: 24 of them repeat a field where there is pulldown


def fields_of(path: Path, stream: Any, frame: Any, rate: Fraction) -> Fields:
    """Of a film whose first frame is `frame`. About a second of decoding where it is flagged, else nothing."""
    order = int(getattr(stream.codec_context, "field_order", UNKNOWN) or UNKNOWN)
    if not frame.interlaced_frame and order in (UNKNOWN, PROGRESSIVE):
        return Fields.PROGRESSIVE
    counts: dict[str, float] = {}
    with (
        suppress(av.FFmpegError),  # what cannot be looked at is taken as it is flagged
        av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace") as container,
    ):
        again = container.streams[stream.index]
        for part in (0, (again.duration or 0) // 2):
            if part:
                container.seek((again.start_time or 0) + part, stream=again)
            for name, count in _counted(again, islice(container.decode(again), LOOKED_AT)).items():
                counts[name] = counts.get(name, 0) + count
    return judged(
        top=counts.get("multiple.tff", 0),
        bottom=counts.get("multiple.bff", 0),
        progressive=counts.get("multiple.progressive", 0),
        repeated=min(counts.get("repeated.top", 0), counts.get("repeated.bottom", 0)),
        frames=sum(counts.get(f"repeated.{name}", 0) for name in ("top", "bottom", "neither")),
        rate=rate,
        flagged=Fields.BOTTOM_FIRST if order in BOTTOM_SHOWN_FIRST else Fields.TOP_FIRST,
    )


def _counted(stream: Any, frames: Iterator[Any]) -> dict[str, float]:
    """idet's counts of these frames."""
    graph = Graph()
    graph.link_nodes(graph.add_buffer(template=stream), graph.add("idet"), graph.add("buffersink")).configure()
    told: dict[str, str] = {}
    for frame in chain(frames, [None]):
        graph.vpush(frame)
        with suppress(BlockingIOError, EOFError):
            while True:
                told = dict(graph.vpull().metadata)
    return {name.removeprefix("lavfi.idet."): float(text) for name, text in told.items() if text[:1].isdigit()}
