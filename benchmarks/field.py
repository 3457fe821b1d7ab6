"""Odd files with known truth through the product: all right, or what is wrong with which.

    python benchmarks/field.py CASES [case …] [--made FOLDER] [--profiles copy,encode] [--write]

CASES is a folder whose make.py writes files, each with NAME.truth.json beside it: `python make.py OUT [case …]`. With
--made, the files are there already. Cases of our own (field_made.py) come along. The exit code is 0 where everything is
right.

Two figures are measured in files of their own; without such a file the figure is "?", which is not right:

    field_sound.largest_av_offset(path)      seconds between a flash and its beep, the largest; inf without any
    field_picture.display_aspect(path)       width / height as a player shows a video or a JPEG
    field_picture.content_aspects(path)      of each frame of a video that of what lies within bars
    field_picture.colour_error(path, name)   the largest difference of the colours of case `name`, in levels of 255

Where field_picture is not there, the simple ones of field_shown are taken.
"""

import argparse
import importlib
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import field_made
from field_bars import shown_numbers
from field_run import Clip, Ran, run, served, table_of
from results import machine, table, write_section

from heaters.core.cutlists.cutlist import places
from heaters.core.shapes import Shapes
from heaters.models.detectors import build
from heaters.settings import load

MOST_LEVELS = 4.0  # of the colours of a case
MOST_ASPECT = 0.03  # relative; an even side more or less of a small picture
PLAYLISTS = {"master.m3u8": "hls/master.m3u8"}  # cases that are fetched: the truth's name → below the files' folder
# Shapes of pictures that change, as [first frame, width, height], where a case's truth does not have them.
SHAPES = {"a16_size_change.ts": [[0, 640, 360], [40, 320, 180], [90, 360, 640]]}
# How wide pictures with bar codes were before a crop that takes part of the code.
CROPPED_FROM = {"d03_crop.mkv": 480}
Measure = Callable[..., Any]


@dataclass(slots=True, kw_only=True)
class Row:
    """A case: its figures as they are printed, and what is wrong."""

    name: str
    cells: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def check(self, column: str, text: object, *, right: bool, wanted: object = "") -> None:
        """A figure; several of a column stand beside each other."""
        before = self.cells.get(column)
        self.cells[column] = f"{before} {text}" if before else str(text)
        if not right:
            self.wrong.append(f"{column} {text}" + (f", not {wanted}" if wanted != "" else ""))


def measure_of(module: str, name: str) -> Measure | None:
    """A function of another file of this folder; None where the file or the function is not there."""
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None


def judge(name: str, ran: Ran, truth: Mapping[str, Any]) -> Row:
    """Compare what the product did with what is known of a file."""
    row = Row(name=name)
    if "refused" in truth or ran.refused:
        wanted = str(truth["refused"]) if isinstance(truth.get("refused"), str) else ""
        named = "refused" in truth and wanted.lower() in ran.refused.lower() and ran.refused.startswith("MediaError")
        row.check("frames", (ran.refused or "taken")[:120].replace("\n", " "), right=bool(ran.refused) and named)
        return row
    made, facts = ran.prepared, ran.probe
    assert made is not None
    assert facts is not None
    row.check("frames", made.frame_count, right=made.frame_count == truth["frames"], wanted=truth["frames"])
    cuts = list(truth.get("cuts", ()))
    found = len(set(ran.cuts) & set(cuts))
    row.check("cuts", f"{found}/{len(cuts)}+{len(ran.cuts) - found}", right=list(ran.cuts) == cuts)
    frame_seconds = 1 / float(truth["rate"])
    if not truth.get("vfr"):
        seconds = truth["frames"] * frame_seconds
        off = abs(made.duration_seconds - seconds)
        row.check("seconds", f"{made.duration_seconds:.2f}", right=off <= 1.5 * frame_seconds, wanted=f"{seconds:.2f}")
    if "list_rate" in truth:
        table = table_of(made)
        counted = str(places(table, [0, *ran.cuts], facts.frame_rate).rate)
        row.check("list", counted, right=counted == truth["list_rate"], wanted=truth["list_rate"])
    if "timecode" in truth:
        row.check("timecode", facts.timecode, right=facts.timecode == truth["timecode"], wanted=truth["timecode"])
    _judge_bars(row, ran, truth)
    _judge_sound(row, ran, truth, frame_seconds)
    _judge_picture(row, ran, truth)
    return row


def _judge_bars(row: Row, ran: Ran, truth: Mapping[str, Any]) -> None:
    """Every clip shows exactly its frames, by their bar codes."""
    if any(key in truth for key in ("colours", "hdr", "interlaced")):
        return
    wrong = sum(_wrong_frames(clip, CROPPED_FROM.get(row.name, 0)) for clip in ran.clips)
    row.check("wrong frames", wrong, right=wrong == 0)


def _wrong_frames(clip: Clip, cropped_from: int) -> int:
    shown = shown_numbers(clip.path, cropped_from)
    wanted = list(range(clip.start_frame, clip.end_frame))
    return abs(len(shown) - len(wanted)) + sum(a != b for a, b in zip(shown, wanted, strict=False))


def _judge_sound(row: Row, ran: Ran, truth: Mapping[str, Any], frame_seconds: float) -> None:
    """Flash to beep: in the proxy, and in every clip that holds a whole flash."""
    if not truth.get("flashes"):
        return
    offset = measure_of("field_sound", "largest_av_offset")
    assert ran.prepared is not None
    files: list[tuple[str, Path]] = [("proxy A/V", ran.prepared.proxy)] if ran.prepared.proxy else []
    for clip in ran.clips:
        if any(clip.start_frame < at < clip.end_frame - 4 for at in truth["flashes"]):
            files.append((f"{clip.profile} A/V", clip.path))
    worst: dict[str, float] = {}
    for column, path in files:
        worst[column] = max(offset(path), worst.get(column, 0.0)) if offset else math.nan
    for column, seconds in worst.items():
        row.check(column, "?" if math.isnan(seconds) else f"{1000 * seconds:.0f} ms", right=seconds <= frame_seconds)


def _judge_picture(row: Row, ran: Ran, truth: Mapping[str, Any]) -> None:
    """One display aspect in record, proxy, still and exports, and the colours of the first frame."""
    assert ran.probe is not None
    assert ran.prepared is not None
    aspect, colour = (
        measure_of("field_picture", name) or measure_of("field_shown", name)
        for name in ("display_aspect", "colour_error")
    )
    stated = str(truth.get("dar") or truth.get("crop") or "").replace("x", ":")
    across, _, down = stated.partition(":")
    record = ran.probe.width / ran.probe.height
    wanted = int(across) / int(down) if stated else record
    row.check("record", f"{record:.3f}", right=_near(record, wanted), wanted=f"{wanted:.3f}")
    if row.name in SHAPES or "shapes" in truth:
        _judge_shapes(row, ran, Shapes.stored(truth.get("shapes") or SHAPES[row.name]))
        return
    firsts = {clip.profile: clip.path for clip in reversed(ran.clips)}
    for column, path in {"proxy": ran.prepared.proxy, "still": ran.still, **firsts}.items():
        if path is None:
            continue
        shape = aspect(path) if aspect else math.nan
        row.check(column, "?" if math.isnan(shape) else f"{shape:.3f}", right=_near(shape, wanted))
        if "colours" in truth or "hdr" in truth:
            levels = colour(path, row.name) if colour else math.nan
            text = "?" if math.isnan(levels) else f"{levels:.0f}"
            row.check(f"{column} colours", text, right=levels <= MOST_LEVELS)


def _judge_shapes(row: Row, ran: Ran, wanted: Shapes | None) -> None:
    """The record has the shapes, every clip that of most of its frames, and each frame its own within the bars."""
    content, aspect = measure_of("field_picture", "content_aspects"), measure_of("field_picture", "display_aspect")
    assert ran.prepared is not None
    assert ran.prepared.proxy is not None
    assert wanted is not None
    assert content is not None
    assert aspect is not None
    row.check("shapes", len(ran.prepared.shapes.runs), right=ran.prepared.shapes == wanted, wanted=wanted.runs)
    files = [("proxy", ran.prepared.proxy, 0, ran.prepared.frame_count)]
    files += [(clip.profile, clip.path, clip.start_frame, clip.end_frame) for clip in ran.clips]
    for column, path, start, end in files:
        if column != "proxy":
            across, down = wanted.size(start, end)
            row.check(column, f"{aspect(path):.3f}", right=_near(aspect(path), across / down))
        sizes = [wanted.size(frame, frame + 1) for frame in range(start, end)]
        wrong = sum(not _near(found, w / h) for found, (w, h) in zip(content(path), sizes, strict=True))
        row.check(f"{column} squeezed", wrong, right=wrong == 0)


def _near(found: float, wanted: float) -> bool:
    return abs(found - wanted) <= MOST_ASPECT * wanted


def cases(folder: Path, names: list[str], made: Path) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Each file with its truth, made first where it is not there."""
    if not list(made.glob("*.truth.json")):
        subprocess.run([sys.executable, str(folder / "make.py"), str(made), *names], check=True, stdout=subprocess.PIPE)
    if not names and not (made / "z_plain.mkv").exists():
        field_made.make(made)
    for path in sorted(made.glob("*.truth.json")):
        name = path.name.removesuffix(".truth.json")
        if not names or any(name.startswith(one) for one in names):
            yield name, made / PLAYLISTS.get(name, name), json.loads(path.read_text())


def main() -> int:
    """Run the cases and print them; 0 where all are right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="cases of the folder, or with --made beginnings of files' names")
    parser.add_argument("--made", type=Path, help="a folder of files made before, or to be made there and kept")
    parser.add_argument("--profiles", default="copy,encode")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    given = parser.parse_args()
    settings = load()
    detector = build(settings)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as place:
        made = given.made or Path(place) / "made"
        with served(made) as address:
            for number, (name, path, truth) in enumerate(cases(given.folder, given.names, made)):
                folder = Path(place) / str(number)
                folder.mkdir()
                source = f"{address}/{PLAYLISTS[name]}" if name in PLAYLISTS else str(path.absolute())
                ran = run(source, folder, settings, detector, given.profiles.split(","))
                row = judge(name, ran, truth)
                row.cells["time"] = f"{ran.seconds:.1f} s"
                row.cells["peak"] = f"{ran.peak_bytes / 1e6:.0f} MB"
                rows.append(row)
                figures = ", ".join(f"{column} {text}" for column, text in row.cells.items())
                print(f"{'WRONG' if row.wrong else 'right':<6} {name}: {figures}", flush=True)
                for wrong in row.wrong:
                    print(f"       {wrong}", flush=True)
    right = sum(not row.wrong for row in rows)
    print(f"{right} of {len(rows)} right")
    if given.write:
        columns = list(dict.fromkeys(column for row in rows for column in row.cells))
        body = [[row.name, *(row.cells.get(c, "") for c in columns), "; ".join(row.wrong) or "right"] for row in rows]
        write_section("Field", f"{machine()}\n\n{table(['file', *columns, 'verdict'], body)}")
    return 0 if rows and right == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
