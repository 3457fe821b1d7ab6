"""Ask the child that reads masters (`extract`) about clips: one child for many clips of one master."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from heaters.media import child
from heaters.media.ffmpeg import Span, failure
from heaters.media.probe import Probe, package_environment
from heaters.media.splice.extract import Extracted, Job
from heaters.media.splice.rules import NotCopied, Rule

MEMORY_BYTES = 2 * 2**30  # address space; packets are read one by one

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the child said of a clip, and the file that it wrote the copied packets to."""

    answer: Answer
    copied: Path


def job_of(source: Path, out: Path, probe: Probe, span: Span, *, has_audio: bool) -> Job:
    """What the child is asked about one clip: to write its copied packets to `out`."""
    return Job(
        source=str(source.absolute()),
        out=str(out.absolute()),
        container=probe.container,
        stream_index=probe.video_stream_index,
        used_indices=(probe.video_stream_index, *(probe.sound_indices if has_audio else ())),
        start_pts=span.start_pts,
        end_pts=span.end_pts,
        time_base=str(span.time_base),
        frames=span.frames,
    )


def ask(jobs: Sequence[Job], *, timeout_seconds: float) -> list[Asked]:
    """The child's answers, in order; `jobs` are of one master. Starting the child costs about 0.1 CPU-seconds.

    Raises MediaError where it failed, StoreError (disk full), StageTimeout and ChildDied.
    """
    finished = child.run(
        [sys.executable, "-P", "-m", "heaters.media.splice.extract", json.dumps([asdict(job) for job in jobs])],
        timeout_seconds=timeout_seconds,
        memory_bytes=MEMORY_BYTES,
        environment=package_environment(),
    )
    if finished.returncode != 0:
        if not finished.stderr_tail:
            raise child.died("the child that copies packets", finished)
        raise failure(f"the packets could not be copied ({finished.known})", finished.stderr_tail)
    return [Asked(answer=json.loads(Path(job.answer).read_text()), copied=Path(job.out)) for job in jobs]


def extracted(answer: Answer) -> Extracted:
    """What the child did. Raises NotCopied where a rule was against it."""
    if "rule" in answer:
        raise NotCopied(Rule(answer["rule"]), answer["evidence"])
    known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in answer.items()}
    return Extracted(**known)
