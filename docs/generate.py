"""Writes the parts of the documents that restate code: `docs/generate.py`, or `--check` to only compare.

The pipeline table in README.md and the settings in docs/settings.md come from `core/pipeline.py` and `settings/`;
docs/openapi.json from the routes in `deployments/`.
"""

import json
import sys
from pathlib import Path
from typing import Any, cast

from heaters.core.pipeline import PIPELINE, By, Stage
from heaters.settings import Settings
from heaters.settings.shown import describe

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


def openapi() -> str:
    """The OpenAPI document of the endpoint, as a file."""
    from deployments.app import create_app

    # Its routes are described, not called, so it needs neither a model nor a database.
    app: Any = create_app(cast(Any, None), cast(Any, None))
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def wanted_files() -> dict[str, str]:
    """Every generated file as it should be, by its path."""
    files = {}
    for file, parts in PARTS.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        for name, make in parts.items():
            text = rendered(text, name, make())
        files[file] = text
    return files | {"docs/openapi.json": openapi()}


def main() -> int:
    """Write, or with --check compare; returns the exit code."""
    stale = []
    for file, wanted in wanted_files().items():
        path = ROOT / file
        if not path.exists() or wanted != path.read_text(encoding="utf-8"):
            stale.append(file)
            if "--check" not in sys.argv:
                path.write_text(wanted, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"stale: {', '.join(stale)}; `make fix` writes them")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
