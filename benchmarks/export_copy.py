"""Export by copying against encoding: `python benchmarks/export_copy.py FOLDER [--work FOLDER] [--write]`.

FOLDER holds films and truth.json: for each film its cuts as [first, last, kind], frames of the transition. The clips
between them are exported with the profiles `copy` and `encode`, one after the other, with one thread each. Every
frame is then compared with the master's, full size: of a copied frame nothing may differ. A film that is in
WORK/export_copy.jsonl already is not measured again, so a run that was ended goes on where it stopped.
"""

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from results import machine, table, write_section
from watched import cpu_seconds

from heaters.errors import MediaError
from heaters.media import ffmpeg
from heaters.media.ffmpeg import Span
from heaters.media.prepare import prepare
from heaters.media.probe import Probe, probe
from heaters.media.profiles import ask_ahead, profile
from heaters.media.splice.asking import Clip

TIMEOUT_SECONDS = 600.0
COMPARE_BYTES = 64 * 2**30  # address space: a decoder for each clip
LIKE = 0.9  # structural similarity of an encoded frame to its own; a neighbour's in motion is far below
_SIMILARITY = re.compile(r"All:([0-9.]+)")


def main() -> None:
    """Measure each film that is not known yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--write", action="store_true", help="put the figures into RESULTS.md")
    arguments = parser.parse_args()
    known_path = arguments.work / "export_copy.jsonl"
    known = (
        {row["film"]: row for row in map(json.loads, known_path.read_text().splitlines())}
        if known_path.exists()
        else {}
    )
    truth = json.loads((arguments.folder / "truth.json").read_text())
    for name, facts in truth.items():
        path = arguments.folder / name
        if name in known or not path.exists():
            continue
        with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
            known[name] = {"film": name, **measure(path, Path(folder), [cut[0] for cut in facts["cuts"]])}
        with known_path.open("a") as out:
            out.write(json.dumps(known[name]) + "\n")
        print(json.dumps(known[name]), file=sys.stderr)
    text = report([row for row in known.values() if row["clips"]])
    sys.stdout.write(text)
    if arguments.write:
        write_section("Export by copying", text)


def measure(path: Path, folder: Path, cuts: list[int]) -> dict[str, Any]:
    """All clips of a film with both profiles."""
    facts = probe(path)
    made = prepare(path, folder, facts, threads=2, timeout_seconds=TIMEOUT_SECONDS)
    pts = [*np.load(made.pts).tolist(), made.end_pts]
    pictures = np.fromfile(made.analysis, np.uint8).reshape(-1, 27, 48, 3)
    found: dict[str, Any] = {"codec": facts.codec, "clips": 0, "frames": 0, "copied": 0, "wrong": 0, "rules": {}}
    found |= {f"{name}_{what}": 0.0 for name in ("copy", "encode") for what in ("seconds", "bytes", "likeness")}
    rules: Counter[str] = Counter()
    clips = list(spans(cuts, made.frame_count))
    written: dict[str, list[Path]] = {"copy": [], "encode": []}
    begun = cpu_seconds()
    spans_of = [Span(start_pts=pts[a], end_pts=pts[b], time_base=made.time_base, frames=b - a) for a, b in clips]
    asked = ask_ahead(
        path, [Clip(out=folder / f"copy-{a}.mp4", span=span) for (a, _), span in zip(clips, spans_of, strict=True)],
        has_audio=made.has_audio, threads=1, timeout_seconds=TIMEOUT_SECONDS,
    )  # fmt: skip
    found["copy_seconds"] += cpu_seconds() - begun
    for (start, end), answer in zip(clips, asked, strict=True):
        for name, outs in written.items():
            ahead = {"asked": answer} if name == "copy" else {}
            outs.append(folder / f"{name}-{start}.mp4")
            begun = cpu_seconds()
            exported = profile(name).export(
                path, outs[-1], start_pts=pts[start], end_pts=pts[end], time_base=made.time_base, threads=1,
                frame_count=end - start, has_audio=made.has_audio, timeout_seconds=TIMEOUT_SECONDS,
                pictures=pictures[start:end], **ahead,
            )  # fmt: skip
            found[f"{name}_seconds"] += cpu_seconds() - begun
            found[f"{name}_bytes"] += exported.bytes
            if name == "copy":
                found["copied"] += exported.copied
                rules[exported.rule.partition(":")[0]] += 1
    for name, outs in written.items():
        likeness = similarities(path, facts, outs, folder / "ssim.txt")
        found[f"{name}_likeness"] = sum(likeness)
        if name == "copy":
            found["wrong"] = wrong(likeness, made.frame_count, found["copied"])
    found |= {"clips": len(clips), "frames": made.frame_count}
    return found | {"rules": {rule: count for rule, count in rules.items() if rule}}


def spans(cuts: list[int], frames: int) -> Iterator[tuple[int, int]]:
    """The clips between the cuts."""
    at = [0, *sorted({cut for cut in cuts if 0 < cut < frames}), frames]
    return pairwise(at)


def similarities(path: Path, facts: Probe, outs: list[Path], log: Path) -> list[float]:
    """The structural similarity of each frame of the clips, one after the other, to the master's frame with its
    number. The master is decoded from its start: no seek can lead both to the same wrong frames.
    """
    form = f"crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0,format={facts.pixel_format}"
    clips = [f"[{place}:v:0]{form},settb=1/1000,setpts=N[c{place}]" for place in range(1, len(outs) + 1)]
    joined = "".join(f"[c{place}]" for place in range(1, len(outs) + 1))
    graph = ";".join(
        [
            *clips,
            f"{joined}concat=n={len(outs)}:v=1:a=0,settb=1/1000,setpts=N[new]",
            f"[0:{facts.video_stream_index}]{form},settb=1/1000,setpts=N[own]",
            f"[new][own]ssim=stats_file={log}:eof_action=endall",
        ]
    )
    inputs = [word for out in outs for word in ("-threads", "1", "-i", f"file:{out}")]
    try:
        ffmpeg.run(
            [*ffmpeg.read_file(path, facts, threads=1), *inputs, "-filter_complex", graph, "-f", "null", "-"],
            timeout_seconds=TIMEOUT_SECONDS,
            memory_bytes=COMPARE_BYTES,
        )
    except MediaError as error:
        print(error, file=sys.stderr)
        return []
    return [float(value) for value in _SIMILARITY.findall(log.read_text())]


def wrong(likeness: list[float], frames: int, copied: int) -> int:
    """Frames that are not the master's: missing, unlike, or fewer equal ones than were copied."""
    equal = sum(value >= 1 for value in likeness)
    return abs(frames - len(likeness)) + sum(value < LIKE for value in likeness) + max(copied - equal, 0)


def report(rows: list[dict[str, Any]]) -> str:
    """A row for each film, and one for all."""
    numbers = [name for name, value in rows[0].items() if isinstance(value, int | float)]
    whole: dict[str, Any] = {name: sum(row[name] for row in rows) for name in numbers}
    rules = sum((Counter(row["rules"]) for row in rows), Counter())
    shares = sorted(row["copied"] / row["frames"] for row in rows)
    lines = [line(row) for row in rows] + [line({"film": "**all**", "codec": "", **whole})]
    head = ("film", "codec", "clips", "frames", "copied", "CPU", "bytes", "SSIM copy", "SSIM encode", "wrong frames")
    median = shares[len(shares) // 2]
    return (
        f"{len(rows)} films, {whole['clips']} clips between their labelled cuts, one thread; {machine()}. *CPU* and "
        "*bytes*: those of `copy` ÷ those of `encode` in the same run; CPU-seconds with all children and the "
        "verification of both. *copied*: the share of frames that are packets of the master. Every frame was compared "
        f"with the master's in full size; copied ones must be equal. In the median film {median:.0%} of the frames are "
        "copied.\n\n"
        + table(head, lines)
        + "\nClips of which nothing was copied: "
        + (", ".join(f"{count} × {rule}" for rule, count in rules.most_common()) or "none")
        + ".\n"
    )  # fmt: skip


def line(row: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table."""
    frames = row["frames"]
    return (
        row["film"],
        row["codec"],
        str(row["clips"]),
        str(frames),
        f"{row['copied'] / frames:.0%}",
        f"{row['copy_seconds'] / row['encode_seconds']:.2f}",
        f"{row['copy_bytes'] / row['encode_bytes']:.2f}",
        f"{row['copy_likeness'] / frames:.4f}",
        f"{row['encode_likeness'] / frames:.4f}",
        str(row["wrong"]),
    )


if __name__ == "__main__":
    main()
