"""Writes the parts of the documents that restate code: `docs/generate.py`, or `--check` to only compare.

The pipeline table in README.md and the settings in docs/settings.md come from `core/pipeline.py` and `settings.py`.
"""

import sys
from pathlib import Path

from heaters.core.pipeline import PIPELINE, By, Stage
from heaters.settings import Settings, describe

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- generated: {} -->", "<!-- end -->"


def pipeline_table() -> str:
    """The pipeline as a Markdown table."""
    lines = ["| stage | by | takes | gives | needs | tries | what it does |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| {s.name} | {s.by} | {s.takes} | {s.gives} | {_needs(s)} | {s.attempts or ''} | {s.does} |" for s in PIPELINE
    ]
    return "\n".join(lines)


def _needs(stage: Stage) -> str:
    if stage.by is By.PERSON:
        return ""
    gpu = f", {stage.gpus:g} GPU if there" if stage.gpus else ""
    return f"{stage.cpus:g} CPU{gpu}"


def settings_table() -> str:
    """Every setting with its default, as a Markdown table."""
    home = str(Settings().home)
    lines = ["| variable | default | what it sets |", "|---|---|---|"]
    for row in describe(Settings()):
        value = row["value"].replace(home, "~/.heaters")
        lines.append(f"| `{row['variable']}` | {f'`{value}`' if value else ''} | {row['does']} |")
    return "\n".join(lines)


PARTS = {"README.md": {"pipeline": pipeline_table}, "docs/settings.md": {"settings": settings_table}}


def rendered(text: str, name: str, body: str) -> str:
    """`text` with the part `name` replaced by `body`."""
    begin = BEGIN.format(name)
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(END)
    return f"{before}{begin}\n{body}\n{END}{after}"


def main() -> int:
    """Write, or with --check compare; returns the exit code."""
    stale = []
    for file, parts in PARTS.items():
        path = ROOT / file
        text = wanted = path.read_text(encoding="utf-8")
        for name, make in parts.items():
            wanted = rendered(wanted, name, make())
        if wanted != text:
            stale.append(file)
            if "--check" not in sys.argv:
                path.write_text(wanted, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"stale: {', '.join(stale)}; `make fix` writes them")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
