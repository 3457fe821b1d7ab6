"""Have clips cut out of their master by children: ffmpeg for the sound, `cut` for the rest. The parent's side."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from heaters.core.shapes import Shapes
from heaters.media import child, ffmpeg
from heaters.media.ffmpeg import Span
from heaters.media.probe import Probe, package_environment
from heaters.media.splice import sound
from heaters.media.splice.job import Job, Spliced
from heaters.media.splice.rules import NotCopied, Rule
from heaters.media.splice.sound import Wanted
from heaters.media.unreadable import by_words

Left = Callable[[], float]  # seconds that are left


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """One master, and what its children may take."""

    source: Path
    probe: Probe
    has_audio: bool
    audio_bitrate: str
    threads: int
    memory_bytes: int

    def ask(self, clips: Sequence["Clip"], left: Left) -> list["Asked"]:
        """Cut the clips, in any order; the answers in theirs. Starting the child costs about 0.1 CPU-seconds.

        Raises MediaError where it failed, StoreError (disk full), StageTimeout and ChildDied.
        """
        refusals = [self._refusal(clip) for clip in clips]
        answers = {
            place: Asked(answer=refusal.as_json(), looks=clips[place].part("rgb"))
            for place, refusal in enumerate(refusals)
            if refusal is not None
        }
        open_ = [place for place in range(len(clips)) if place not in answers]
        order = sorted(open_, key=lambda place: clips[place].span.start_pts)
        ordered = [clips[place] for place in order]
        if ordered:
            self._sound(ordered, left)
            answers |= zip(order, self._cut([self._job(clip) for clip in ordered], left), strict=True)
        return [answers[place] for place in range(len(clips))]

    def _refusal(self, clip: "Clip") -> NotCopied | None:
        """The rule against copying a clip that is known before the file is opened."""
        if self.probe.holes:
            return NotCopied(Rule.TIMES, f"{len(self.probe.holes)} holes of the file are closed")
        if self.probe.peculiar:
            return NotCopied(Rule.SHAPE, ", ".join(self.probe.peculiar))
        sizes = [] if clip.shapes is None else [*clip.shapes.lengths(0, clip.span.frames)]
        if sizes in ([], [(self.probe.width, self.probe.height)]):
            return None
        found = ", ".join(f"{width} × {height}" for width, height in sizes)
        return NotCopied(
            Rule.SHAPE, f"frames of {found}; the file begins with {self.probe.width} × {self.probe.height}"
        )

    def _cut(self, jobs: Sequence[Job], left: Left) -> list["Asked"]:
        finished = child.run(
            [sys.executable, "-P", "-m", "heaters.media.splice.cut", json.dumps([asdict(job) for job in jobs])],
            timeout_seconds=left(),
            memory_bytes=self.memory_bytes,
            environment=package_environment(),
        )
        if finished.returncode != 0:
            if not finished.stderr_tail:
                raise child.died("the child that cuts clips", finished)
            raise by_words(f"the clip could not be cut ({finished.known})", finished.stderr_tail)
        return [Asked(answer=json.loads(Path(job.answer).read_text()), looks=Path(job.looks)) for job in jobs]

    def _sound(self, clips: Sequence["Clip"], left: Left) -> None:
        """Write the clips' sound, where they have any."""
        if not self.has_audio:
            return
        wanted = [Wanted(span=clip.span, out=clip.part("m4a")) for clip in clips]
        self._write_sound(wanted, left, is_sought=True)
        missed = [one for one in wanted if sound.may_be_missed(self.probe, one)]
        if missed:
            self._write_sound(missed, left, is_sought=False)

    def _write_sound(self, wanted: Sequence[Wanted], left: Left, *, is_sought: bool) -> None:
        arguments = sound.command(self.source, self.probe, wanted, self.audio_bitrate, is_sought=is_sought)
        ffmpeg.run(arguments, timeout_seconds=left(), memory_bytes=self.memory_bytes)

    def _job(self, clip: "Clip") -> Job:
        used = self.probe.sound_indices if self.has_audio else ()
        return Job(
            source=str(self.source.absolute()),
            out=str(clip.out.absolute()),
            container=self.probe.container,
            stream_index=self.probe.video_stream_index,
            used_indices=(self.probe.video_stream_index, *used),
            start_pts=clip.span.start_pts,
            end_pts=clip.span.end_pts,
            time_base=str(clip.span.time_base),
            frames=clip.span.frames,
            pixel_format=self.probe.pixel_format,
            frame_rate=str(self.probe.frame_rate),
            rotation=self.probe.rotation,
            sound=str(clip.part("m4a").absolute()) if self.has_audio else "",
            threads=self.threads,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip to cut into the file `out`. `shapes`: from its first frame on; None where they are the probe's."""

    out: Path
    span: Span
    shapes: Shapes | None = None

    def part(self, name: str) -> Path:
        """A file beside `out`, for the time of the work."""
        return self.out.with_name(f"{self.out.name}.{name}")

    def clear(self) -> None:
        """Delete what is only of use for the work."""
        for path in self.out.parent.glob(f"{self.out.name}.*"):
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the child said of a clip, and the file of its pictures."""

    answer: Mapping[str, Any]
    looks: Path

    def spliced(self) -> Spliced:
        """What the child did. Raises NotCopied where a rule was against it."""
        if "refused" in self.answer:
            raise NotCopied(Rule(self.answer["refused"]), self.answer["evidence"])
        lists = {name: tuple(value) for name, value in self.answer.items() if isinstance(value, list)}
        return Spliced(**{**self.answer, **lists})
