"""Cut clips out of a master: plan, encode what cannot be copied, join, decode the result. PyAV, in a child with limits.

    python -m heaters.media.splice.cut JOBS     JOBS: a JSON list, all of one master, in order of their times

For each job it writes the finished file, the 48×27 pictures of its frames, and JSON: what was done, or the rule
against it. One child for many clips: it decodes a group of pictures once for the clips on both sides of a cut.
"""

import errno
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from heaters.media.splice import pieces
from heaters.media.splice.encoder import Encoded, Form
from heaters.media.splice.job import Job, Spliced
from heaters.media.splice.join import Parts, join
from heaters.media.splice.looks import TURNS, write_looks
from heaters.media.splice.pieces import Piece
from heaters.media.splice.plan import Packet, Plan, begin_of, nothing_copied, plan
from heaters.media.splice.rules import NotCopied, Rule
from heaters.media.splice.source import opened, packets, shift
from heaters.media.splice.stream import Sets, Stream, refuse

# Where nothing can be copied for one of these, the frames are there, and are encoded in the same way.
ENCODED_HERE = frozenset({Rule.NO_KEY, Rule.OPEN_GOP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A job that no rule is against so far. `sets` are the parameter sets of the copied packets."""

    job: Job
    ticks: int
    made: Plan
    copied_pts: tuple[int, ...]
    sets: Sets
    free_id: int
    begins: dict[str, int | None]  # where decoding begins for `head` and `tail`
    rule: str


class Cutter:
    """One open master, and the jobs on it."""

    def __init__(self, container: Any, first: Job) -> None:
        self._container = container
        self._stream = container.streams[first.stream_index]
        self._stream.codec_context.thread_count = first.threads
        self._stream.codec_context.thread_type = "AUTO"
        self._known = Stream.of(self._stream)
        self._offset = shift(container, self._stream, first.used_indices)

    def cut(self, jobs: list[Job]) -> list[dict[str, Any]]:
        """Do the jobs; each fails alone."""
        planned: list[Planned | NotCopied] = [_attempt(lambda job=job: self._plan(job)) for job in jobs]
        with ExitStack() as files:
            todo = [_attempt(lambda one=one: self._pieces(one, files)) for one in planned]
            made = [piece for one in todo if isinstance(one, dict) for piece in one.values()]
            pieces.encode(self._container, self._stream, self._known, self._offset, made)
            pairs = zip(planned, todo, strict=True)
            return [_answer(lambda one=one, own=own: self._finish(one, own)) for one, own in pairs]

    def _plan(self, job: Job) -> Planned:
        base = Fraction(self._stream.time_base)
        if base != Fraction(job.time_base):
            raise NotCopied(Rule.TIME_BASE, f"packets count in {base} s, frames in {job.time_base} s")
        found: list[Packet] = []
        sets: dict[int, Sets] = {}  # by place, of packets that hold some
        for place, packet in self._packets(job):
            refuse(packet, place)
            kind, units = self._known.kind(packet)
            found.append(Packet(pts=packet.pts + self._offset, kind=kind, is_shown=not packet.is_discard))
            if units:
                sets[place] = units
        made, rule = self._made(found, job)
        header = self._known.active(sets, made.copied) if made.copied else ()
        of_all = tuple(dict.fromkeys([*self._known.header, *(unit for units in sets.values() for unit in units)]))
        is_joined = bool(made.copied and (made.head or made.tail))
        return Planned(
            job=job,
            ticks=job.ticks,
            made=made,
            copied_pts=tuple(found[place].pts for place in made.copied),
            sets=header,
            free_id=self._known.free_id(header or of_all, is_joined=is_joined),
            begins={name: begin_of(found, pts[0]) for name, pts in (("head", made.head), ("tail", made.tail)) if pts},
            rule=rule,
        )

    def _made(self, found: list[Packet], job: Job) -> tuple[Plan, str]:
        """The plan, and the rule by which nothing is copied."""
        try:
            made = plan(found, start_pts=job.start_pts, end_pts=job.end_pts, frames=job.frames)
        except NotCopied as refusal:
            if refusal.rule not in ENCODED_HERE or self._known.syntax is None:
                raise
            return nothing_copied(found, start_pts=job.start_pts, end_pts=job.end_pts), str(refusal)
        if self._known.syntax is None and made.head:
            raise NotCopied(Rule.NO_KEY, f"{self._known.codec} is copied only where a clip begins at a key frame")
        return made, ""

    def _pieces(self, planned: Planned | NotCopied, files: ExitStack) -> dict[str, Piece]:
        """What is to be encoded of a clip, by name."""
        if isinstance(planned, NotCopied):
            return {}
        job = planned.job
        found = {}
        for name, begin_pts in planned.begins.items():
            form = Form(
                codec=self._known.codec,
                pixel_format=job.pixel_format,
                frame_rate=Fraction(job.frame_rate),
                time_base=Fraction(job.time_base),
                sample_aspect_ratio=self._stream.codec_context.sample_aspect_ratio,
                free_id=planned.free_id,
                threads=job.threads,
            )
            pts = planned.made.head if name == "head" else planned.made.tail
            encoded = files.enter_context(Encoded(Path(job.piece(name)), pts, form))
            found[name] = Piece(encoded=encoded, begin_pts=begin_pts)
        return found

    def _finish(self, planned: Planned | NotCopied, own: dict[str, Piece] | NotCopied) -> Spliced:
        """Join a clip's parts and decode the file."""
        if isinstance(planned, NotCopied):
            raise planned
        if isinstance(own, NotCopied):
            raise own
        for piece in own.values():
            if piece.error is not None:
                raise piece.error
        job, made = planned.job, planned.made
        parts = Parts(
            codec=self._known.codec,
            made=made,
            copied_pts=planned.copied_pts,
            copied=self._copied(planned),
            sets=planned.sets,
            head=own["head"].encoded if "head" in own else None,
            tail=own["tail"].encoded if "tail" in own else None,
            sound=Path(job.sound) if job.sound else None,
        )
        join(Path(job.out), self._stream, parts, start_pts=job.start_pts, end_pts=job.end_pts, ticks=planned.ticks)
        write_looks(Path(job.out), Path(job.looks), filters=TURNS[job.rotation] + job.to_analysis, threads=job.threads)
        return Spliced(head=made.head, pts=planned.copied_pts, tail=made.tail, rule=planned.rule)

    def _copied(self, planned: Planned) -> Iterator[tuple[bytes, bool]]:
        """Payload of the copied packets, and whether a seek may lead there."""
        wanted, keys = set(planned.made.copied), planned.made.keys
        if wanted:
            for place, packet in self._packets(planned.job):
                if place in wanted:
                    yield self._known.payload(packet, is_first=place == planned.made.copied[0]), place in keys

    def _packets(self, job: Job) -> Iterator[tuple[int, Any]]:
        return packets(self._container, self._stream, self._offset, job.start_pts, job.end_pts)


def _attempt(work: Any) -> Any:
    """What `work` gives, or the rule against it."""
    try:
        return work()
    except NotCopied as refusal:
        return refusal


def _answer(work: Any) -> dict[str, Any]:
    """What `work` gives as JSON, or the rule against it."""
    try:
        return asdict(work())
    except NotCopied as refusal:
        return refusal.as_json()
    except av.FFmpegError as error:
        if error.errno == errno.ENOSPC:
            raise
        return NotCopied(Rule.READ, f"the clip's parts cannot be joined ({error.strerror})").as_json()
    except (ValueError, IndexError) as error:
        return NotCopied(Rule.READ, f"the clip's parts cannot be joined ({error})").as_json()


def main(text: str) -> None:
    """The child: an answer for each job, in a file; a line would be as long as a clip has frames."""
    jobs = [Job(**asked | {"used_indices": tuple(asked["used_indices"])}) for asked in json.loads(text)]
    try:
        with opened(jobs[0].source, jobs[0].container) as container:
            answers = Cutter(container, jobs[0]).cut(jobs)
    except NotCopied as refusal:  # it cannot be opened, or is of no use for any
        answers = [refusal.as_json()] * len(jobs)
    for job, answer in zip(jobs, answers, strict=True):
        Path(job.answer).write_text(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
