"""What a command prints: tables for people, JSON alone on standard output for scripts."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heaters.core.address import redact
from heaters.core.names import readable

# Control characters but for tab and line end (C0, DEL, C1), and marks of direction (Unicode TR 36).
_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


class Output:
    """Where a command writes. With `as_json`, standard output holds the JSON alone and talk goes to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # A pipe has no width; without one, long titles would be folded at 80 columns and break simple scripts.
        width = None if sys.stdout.isatty() else 160
        self.console = Console(stderr=as_json, highlight=False, soft_wrap=True, width=width)

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """One line of talk. The text is never read as markup: titles may hold brackets."""
        self.console.print(Text(harmless(redact(text)), style=style or ""))

    def json(self, value: Any) -> None:
        """The JSON answer of a command."""
        sys.stdout.write(_as_json(value, indent=2) + "\n")

    def json_rows(self, rows: Iterable[Any]) -> None:
        """A JSON array of an answer that may be long: each row is written as it comes."""
        mark = "[\n"
        for row in rows:
            sys.stdout.write(mark + _as_json(row))
            mark = ",\n"
        sys.stdout.write("[]\n" if mark == "[\n" else "\n]\n")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "") -> None:
        """A table; numbers are right-aligned, None is a dash."""
        table = Table(title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False)
        entries = [list(row) for row in rows]
        for index, name in enumerate(columns):
            numeric = any(isinstance(row[index], (int, float)) for row in entries)
            table.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in entries:
            table.add_row(*(Text("–" if value is None else harmless(str(value))) for value in row))
        self.console.print(table)


def harmless(text: str) -> str:
    """`text` without what would command a terminal, or turn the direction of reading: such characters as \\x1b."""
    return _COMMANDS.sub(lambda match: repr(match.group())[1:-1], readable(text))


def _as_json(value: Any, indent: int | None = None) -> str:
    """JSON whose strings command no terminal either: JSON itself escapes only the characters below a space."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    return _COMMANDS.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def selected(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Only these keys of a row, in this order: the stable keys of a listing."""
    return {name: row[name] for name in names}
