"""The shape of the code, held by walking its syntax trees: arrows point down, SQL and long functions stay out."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("heaters", "jobs", "deployments", "ui", "benchmarks")
MOST_LINES = 300
MOST_LINES_IN_FUNCTION = 60

# What each part stands on. A part may import itself and what is named here, and nothing else of ours; the longest name
# that fits a module counts. A new part must find its place here.
ROOTS = ("heaters", *map("heaters.{}".format, ("connections", "errors", "machine", "private", "stopping", "threads")))
BASE = frozenset({*ROOTS, "heaters.settings", "heaters.core"})
ADAPTERS = frozenset({"heaters.store", "heaters.media", "heaters.models"})
SERVICES = frozenset(
    f"heaters.{name}" for name in ("submit", "search", "status", "doctor", "sample", "dataset", "evaluate", "withdraw")
)
WHOLE = (
    BASE
    | ADAPTERS
    | SERVICES
    | {"heaters.sources", "heaters.stages", "heaters.runner", "heaters.embedded", "heaters.client"}
)
STANDS_ON: dict[str, frozenset[str]] = {
    **dict.fromkeys(ROOTS, frozenset()),
    "heaters.private": frozenset({"heaters.errors"}),
    "heaters.settings": frozenset({"heaters.errors", "heaters.core"}),
    "heaters.unprivileged": frozenset({"heaters.errors", "heaters.machine"}),
    "heaters.core": frozenset({"heaters.errors"}),  # and of the libraries the standard one alone
    "heaters.embedded": frozenset(
        {"heaters", "heaters.errors", "heaters.machine", "heaters.private", "heaters.settings", "heaters.unprivileged"}
    ),
    "heaters.store": BASE | {"heaters.embedded"},
    "heaters.media": BASE,
    "heaters.models": BASE,
    **dict.fromkeys(SERVICES, BASE | ADAPTERS),  # what the command, the UI and jobs share; they do not know Ray
    "heaters.dataset": BASE | ADAPTERS | {"heaters.search"},  # which clips look alike is search's to say
    "heaters.withdraw": BASE | ADAPTERS | {"heaters.dataset", "heaters.stages"},
    "heaters.sources": BASE | ADAPTERS | {"heaters.submit"},
    "heaters.client": BASE | {"heaters.models", "heaters.search"},
    "heaters.stages": BASE | ADAPTERS,
    "heaters.runner": BASE | ADAPTERS | {"heaters.stages", "heaters.status"},
    "heaters.cli": WHOLE | {"ui", "deployments"},
    "ui": WHOLE,
    "jobs": WHOLE | {"heaters.cli"},
    "deployments": WHOLE,
    "benchmarks": WHOLE | {"heaters.cli", "deployments", "jobs", "ui"},
}

# Libraries that only these parts may import.
KEPT_TO = {
    "ray": ("heaters.runner", "deployments", "jobs", "benchmarks"),
    "gradio": ("ui",),
    "boto3": ("heaters.store",),
    "yt_dlp": ("heaters.media",),
}

# Functions that may be longer than MOST_LINES_IN_FUNCTION, each with its reason.
MAY_BE_LONG: dict[str, str] = {}


def product_files() -> list[Path]:
    return [path for part in PRODUCT for path in sorted((ROOT / part).rglob("*.py"))]


def all_files() -> list[Path]:
    return [*product_files(), *sorted((ROOT / "tests").rglob("*.py"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(tree: ast.Module, module: str, *, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Line and name of every module that is imported anywhere in the tree, also by `importlib` with a literal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".")[: len(module.split(".")) - node.level + is_package]
                base = ".".join([*package, base] if base else package)
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            text = first.values[0] if isinstance(first, ast.JoinedStr) and first.values else first
            if called in ("import_module", "__import__") and isinstance(text, ast.Constant):
                yield node.lineno, str(text.value).rstrip(".")


def part_of(module: str) -> str | None:
    """The part a module belongs to: the longest name in STANDS_ON that it lies under. None: not ours."""
    names = module.split(".")
    for length in range(len(names), 0, -1):
        name = ".".join(names[:length])
        # `heaters` itself is the package's own file: it does not take in modules that have no place yet.
        if name in STANDS_ON and (name != "heaters" or length == len(names)):
            return name
    return None


def wrong_imports(tree: ast.Module, module: str, *, is_package: bool = False) -> list[str]:
    part = part_of(module)
    if part is None:
        return [f"{module}: has no place in STANDS_ON"]
    found = []
    for line, name in imports(tree, module, is_package=is_package):
        other = part_of(name)
        ours = name.split(".")[0] in PRODUCT
        if ours and other is None and part_of(f"{name.rpartition('.')[0]}") == "heaters":
            other = "heaters"  # an attribute of the package itself, such as its version
        if ours and other != part and (other is None or other not in STANDS_ON[part]):
            found.append(f"{module}:{line}: {part} must not import {name}")
        top = name.split(".")[0]
        if top in KEPT_TO and part not in KEPT_TO[top]:
            found.append(f"{module}:{line}: {top} is kept to {', '.join(KEPT_TO[top])}")
        if part in ("heaters.core", "heaters.errors") and not ours and top not in sys.stdlib_module_names:
            found.append(f"{module}:{line}: {part} needs the standard library alone, not {top}")
    return found


def sql_in(tree: ast.Module) -> list[tuple[int, str]]:
    """Strings that look like SQL statements: the key words in order, and all in one case as SQL is written.

    Docstrings are prose. A sentence such as "Select a video from the list" starts with a capital and goes on small.
    """
    statement = r"\s*(select\b.*\bfrom\b|insert\s+into\b|update\b.*\bset\b|delete\s+from\b|with\b.*\bas\s*\()"
    patterns = [re.compile(statement, re.DOTALL), re.compile(_upper(statement), re.DOTALL)]
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if node.body and isinstance(node.body[0], ast.Expr)
    }
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    found = []
    for node in ast.walk(tree):
        if id(node) in prose or id(node) in inner:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.JoinedStr):
            text = "".join(str(p.value) if isinstance(p, ast.Constant) else "x" for p in node.values)
        else:
            continue
        if any(pattern.match(text) for pattern in patterns):
            found.append((node.lineno, text.strip()[:60]))
    return found


def _upper(pattern: str) -> str:
    """The pattern for upper-case key words; the classes \\s and \\b stay."""
    return re.sub(r"(?<!\\)[a-z]+", lambda word: word[0].upper(), pattern)


def long_functions(tree: ast.Module, name: str) -> dict[str, int]:
    return {
        f"{name}:{node.name}": node.end_lineno - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if node.end_lineno and node.end_lineno - node.lineno + 1 > MOST_LINES_IN_FUNCTION
    }


@pytest.mark.parametrize("path", product_files(), ids=name_of)
def test_imports_point_down(path: Path) -> None:
    assert not wrong_imports(tree_of(path), module_of(path), is_package=path.name == "__init__.py")


@pytest.mark.parametrize("path", product_files(), ids=name_of)
def test_no_sql_in_python(path: Path) -> None:
    assert not sql_in(tree_of(path)), "statements belong in store/sql"


@pytest.mark.parametrize("path", all_files(), ids=name_of)
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", product_files(), ids=name_of)
def test_modules_say_what_they_are(path: Path) -> None:
    assert path.stat().st_size == 0 or ast.get_docstring(tree_of(path))


def test_functions_are_short() -> None:
    found: dict[str, int] = {}
    for path in product_files():
        found |= long_functions(tree_of(path), name_of(path))
    assert not found.keys() - MAY_BE_LONG.keys(), found
    assert not MAY_BE_LONG.keys() - found.keys(), "short by now: take them off the list"


# ------------------------------------------------------------------------------------ the tests of these tests


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("heaters.core.cuts", "import numpy"),
        ("heaters.core.cuts", "from heaters.settings import load"),
        ("heaters.core.cuts", "def f():\n    import psycopg"),
        ("heaters.core.cuts", "from ..store import db"),
        ("heaters.core.cuts", "from .. import settings"),
        ("heaters.media.frames", "from heaters.models.transnet import TransNet"),
        ("heaters.store.db", "import heaters.media.ffmpeg"),
        ("heaters.store.db", "from heaters import stages"),
        ("heaters.models.transnet", "import importlib\nimportlib.import_module('ray')"),
        ("heaters.stages.detect", "import ray"),
        ("heaters.stages.detect", "from heaters.runner.loop import run"),
        ("heaters.runner.loop", "from heaters.cli import main"),
        ("heaters.cli.main", "import ray.serve"),
        ("heaters.cli.main", "import gradio"),
        ("heaters.settings", "from heaters.store import db"),
        ("heaters.newcomer", "import json"),
        ("heaters.stages.detect", "from heaters.newcomer import x"),
        ("ui.app", "from deployments import serve"),
    ],
)
def test_a_wrong_import_is_found(module: str, code: str) -> None:
    assert wrong_imports(ast.parse(code), module)


@pytest.mark.parametrize(
    ("module", "code"),
    [
        (
            "heaters.core.review",
            "import json\nfrom heaters.core.cuts import Span\nfrom heaters.errors import RuleError",
        ),
        ("heaters.core.review", "from . import cuts\nfrom .cuts import Span"),
        ("heaters.stages.detect", "import numpy\nfrom heaters.models.transnet import TransNet"),
        ("heaters.store.open", "from heaters import embedded, __version__"),
        ("heaters.runner.loop", "import ray\nimportlib.import_module(f'heaters.stages.{name}')"),
        ("ui.app", "import gradio\nfrom heaters.store.db import Database"),
    ],
)
def test_a_right_import_passes(module: str, code: str) -> None:
    assert not wrong_imports(ast.parse(code), module)


def test_a_layer_s_own_package_resolves_relative_imports() -> None:
    tree = ast.parse("from .db import Database\nfrom ..media import frames")
    assert [name for _, name in imports(tree, "heaters.store", is_package=True)] == [
        "heaters.store.db.Database",
        "heaters.media.frames",
    ]


@pytest.mark.parametrize(
    "code",
    [
        "x = 'select id from clips'",
        "x = '''\n  SELECT id\n  FROM clips'''",
        "x = f'select {column} from clips'",
        "x = f'update {table} set state = 1'",
        "x = 'insert into clips values (1)'",
        "x = 'DELETE FROM clips'",
        "x = 'with due as (select 1) select 2'",
    ],
)
def test_sql_is_found(code: str) -> None:
    assert sql_in(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "'select a thing from a docstring'",
        "def f():\n    'update the set'",
        "x = 'Select a video from the list'",
        "x = 'Delete the objects from the store'",
        "x = 'from clips select'",
        "x = 'with a video as input'",
    ],
)
def test_prose_is_no_sql(code: str) -> None:
    assert not sql_in(ast.parse(code))
