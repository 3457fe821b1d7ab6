"""Plan the copies of clips and write the packets that are copied. PyAV reads the master in a child process with limits.

python -m heaters.media.splice.extract JOBS       JOBS: a JSON list, all of one master; for each it writes JSON beside
                                                  the packets: what was done, or the rule against it
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from heaters.media.splice import nal
from heaters.media.splice.kinds import is_av1_key, is_vp9_key, kind_of_units
from heaters.media.splice.parameters import Sequence as Parameters
from heaters.media.splice.parameters import h264_sequence, hevc_sequence, picture_id
from heaters.media.splice.plan import Kind, Packet, Plan, plan
from heaters.media.splice.rules import NotCopied, Rule
from heaters.media.splice.source import opened, packets, shift
from heaters.media.splice.written import Writer

# Copied from a first key frame on; never joined with encoded frames.
WHOLE_CODECS = {"vp9": is_vp9_key, "av1": is_av1_key}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the child is asked. Times are in ticks of `time_base`, from the start of the container."""

    source: str
    out: str
    container: str
    stream_index: int
    used_indices: tuple[int, ...]  # the streams that `prepare` used
    start_pts: int
    end_pts: int
    time_base: str
    frames: int

    @property
    def answer(self) -> str:
        """The file of the child's answer."""
        return f"{self.out}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """What the child wrote. `pts` and `is_key` are those of the copied packets, in decode order; `head` and `tail` the
    times of the frames to encode. `header` holds the parameter sets of the copied packets, each as hexadecimal digits.
    """

    codec: str
    head: tuple[int, ...]
    pts: tuple[int, ...]
    is_key: tuple[bool, ...]
    tail: tuple[int, ...]
    header: tuple[str, ...]
    free_id: int  # a number that none of the parameter sets has


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    """How packets of the master are read."""

    codec: str
    header: tuple[bytes, ...]  # parameter sets
    length_bytes: int
    syntax: nal.Syntax | None  # None: no NAL units

    def units(self, packet: Any) -> list[bytes]:
        try:
            return nal.split(bytes(packet), self.length_bytes)
        except ValueError as error:
            raise NotCopied(Rule.READ, str(error)) from error

    def sets(self, units: Sequence[bytes]) -> tuple[bytes, ...]:
        assert self.syntax is not None
        return tuple(unit for unit in units if self.syntax.type_of(unit) in self.syntax.parameter_sets)


def extract(container: Any, job: Job) -> Extracted:
    """Read the packets' kinds, plan, read them again and write those to copy. Raises NotCopied."""
    stream = container.streams[job.stream_index]
    known = _known(stream)
    if Fraction(stream.time_base) != Fraction(job.time_base):
        raise NotCopied(Rule.TIME_BASE, f"packets count in {stream.time_base} s, frames in {job.time_base} s")
    offset = shift(container, stream, job.used_indices)
    span = (offset, job.start_pts, job.end_pts)
    found: list[Packet] = []
    sets: dict[int, tuple[bytes, ...]] = {}  # by place, of packets that hold some
    for place, packet in packets(container, stream, *span):
        _refuse(packet, place)
        kind, units = _kind(known, packet)
        found.append(Packet(pts=packet.pts + offset, kind=kind, is_shown=not packet.is_discard))
        if units:
            sets[place] = units
    made = plan(found, start_pts=job.start_pts, end_pts=job.end_pts, frames=job.frames)
    if known.syntax is None and made.head:
        raise NotCopied(Rule.NO_KEY, f"{known.codec} is copied only where a clip begins at a key frame")
    header = _active(known, made, sets)
    free_id = _free_id(known, header, is_joined=bool(made.head or made.tail))
    pts = tuple(found[place].pts for place in made.copied)
    is_key = tuple(place in made.keys for place in made.copied)
    with Writer(job.out, stream, [at - job.start_pts for at in pts], job.end_pts - job.start_pts, header) as writer:
        wanted = dict(zip(made.copied, is_key, strict=True))
        for place, packet in packets(container, stream, *span):
            if place in wanted:
                writer.write(_payload(known, packet, is_first=place == made.copied[0]), is_key=wanted[place])
    return Extracted(
        codec=known.codec,
        head=made.head,
        pts=pts,
        is_key=is_key,
        tail=made.tail,
        header=tuple(unit.hex() for unit in header),
        free_id=free_id,
    )


def _known(stream: Any) -> _Stream:
    context = stream.codec_context
    codec = context.codec.canonical_name
    if context.codec_tag in ("encv", "drmi"):
        raise NotCopied(Rule.ENCRYPTED)
    if codec in WHOLE_CODECS:
        return _Stream(codec=codec, header=(), length_bytes=0, syntax=None)
    if codec not in nal.SYNTAX:
        raise NotCopied(Rule.CODEC, codec)
    try:
        units, length_bytes = nal.header_units(context.extradata or b"", codec)
    except (ValueError, IndexError) as error:
        raise NotCopied(Rule.READ, f"the stream's header is broken ({error})") from error
    found = _Stream(codec=codec, header=(), length_bytes=length_bytes, syntax=nal.SYNTAX[codec])
    return _Stream(codec=codec, header=found.sets(units), length_bytes=length_bytes, syntax=found.syntax)


def _refuse(packet: Any, place: int) -> None:
    if packet.has_sidedata("encryption_info"):
        raise NotCopied(Rule.ENCRYPTED)
    if packet.has_sidedata("new_extradata") and place:
        raise NotCopied(Rule.DESCRIPTIONS, "the stream's header changes near the clip")


def _kind(known: _Stream, packet: Any) -> tuple[Kind, tuple[bytes, ...]]:
    """A packet's kind, and the parameter sets in it."""
    if known.syntax is None:
        is_key = packet.is_keyframe and WHOLE_CODECS[known.codec](bytes(packet))
        return Kind.KEY if is_key else Kind.OTHER, ()
    units = known.units(packet)
    return kind_of_units(units, known.syntax, is_flagged=packet.is_keyframe), known.sets(units)


def _active(known: _Stream, made: Plan, sets: dict[int, tuple[bytes, ...]]) -> tuple[bytes, ...]:
    """The parameter sets of the copied packets: the first packet's own, else the header's. Raises NotCopied."""
    if known.syntax is None:
        return ()
    own = sets.get(made.copied[0], ())
    needed = set(known.syntax.parameter_sets)
    active = own if {known.syntax.type_of(unit) for unit in own} == needed else (*known.header, *own)
    active = tuple(dict.fromkeys(active))
    if {known.syntax.type_of(unit) for unit in active} != needed:
        raise NotCopied(Rule.PARAMETERS, "a parameter set is missing")
    for place in made.copied:
        if not set(sets.get(place, ())) <= set(active):
            raise NotCopied(Rule.PARAMETERS, "they change within the clip")
    return active


def _free_id(known: _Stream, header: Sequence[bytes], *, is_joined: bool) -> int:
    """A number for the encoder's parameter sets. Raises NotCopied where the copied ones are not fit to be joined."""
    if known.syntax is None:
        return 0
    read = h264_sequence if known.codec == "h264" else hevc_sequence
    kinds = known.syntax.type_of
    try:
        sequences: list[Parameters] = [read(unit) for unit in header if kinds(unit) == known.syntax.parameter_sets[-2]]
        pictures = [picture_id(unit) for unit in header if kinds(unit) == nal.H264_PPS and known.codec == "h264"]
    except ValueError as error:
        raise NotCopied(Rule.READ, str(error)) from error
    if any(one.is_interlaced for one in sequences):
        raise NotCopied(Rule.INTERLACED)
    if is_joined and any(one.reorders is None for one in sequences):
        raise NotCopied(Rule.REORDERING)
    taken = {one.id for one in sequences} | set(pictures)
    free = [number for number in range(32) if number not in taken]
    if not free:
        raise NotCopied(Rule.PARAMETERS, "no number is free")
    return free[0]


def _payload(known: _Stream, packet: Any, *, is_first: bool) -> bytes:
    """The packet as it is written: without parameter sets, which go before it in one place, and begun anew."""
    if known.syntax is None:
        return bytes(packet)
    units = [unit for unit in known.units(packet) if known.syntax.type_of(unit) not in known.syntax.parameter_sets]
    if known.codec == "h264":
        units = [nal.without_recovery_point(unit) if unit[0] & 31 == nal.H264_SEI else unit for unit in units]
    elif is_first:
        units = [nal.as_broken_link(unit) if known.syntax.type_of(unit) == nal.HEVC_CRA else unit for unit in units]
    return nal.with_start_codes(filter(None, units))


def main(text: str) -> None:
    """The child: an answer for each job, in a file; a line would be as long as a clip has frames."""
    jobs = [Job(**asked | {"used_indices": tuple(asked["used_indices"])}) for asked in json.loads(text)]
    answers: list[dict[str, Any]] = [{} for _ in jobs]
    try:
        with opened(jobs[0].source, jobs[0].container) as container:
            for place, job in enumerate(jobs):
                try:
                    answers[place] = asdict(extract(container, job))
                except NotCopied as error:
                    answers[place] = refused(error)
    except NotCopied as error:  # it cannot be opened
        answers = [refused(error)] * len(jobs)
    for job, answer in zip(jobs, answers, strict=True):
        Path(job.answer).write_text(json.dumps(answer))


def refused(error: NotCopied) -> dict[str, Any]:
    """The rule as JSON."""
    return {"rule": error.rule.value, "evidence": error.evidence}


if __name__ == "__main__":
    main(sys.argv[1])
