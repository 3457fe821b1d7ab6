"""Measures what commands, drivers and pages cost in libraries of ten thousand, a hundred thousand and a million clips.

    python benchmarks/million.py [--clips 10000,100000,1000000] [--home FOLDER] [--no-write]

Each library is made up, with stills, facts, vectors of 512 numbers, files, decisions and history of every clip, in a
PostgreSQL of its own. Prints medians in milliseconds through the product's own functions, their growth over the last
step, and bytes for a clip, and writes the section into RESULTS.md.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path

import results
from million_load import load, sizes
from million_rows import TIMES, Library, Row, bulk_rows, driver_rows, people_rows, search_rows
from search_data import Collection, add_vectors

from heaters import embedded
from heaters.search.indexes import ensure_indexes
from heaters.settings import Settings
from heaters.store.db import connect
from heaters.store.objects import store_of
from heaters.store.open import open_database

VECTORS = ("embeddings", "near_")  # how the names of tables with vectors begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The figures of a library of `clips` clips."""

    clips: int
    rows: list[Row]
    bytes_by_table: dict[str, int]
    load_seconds: float

    @property
    def bytes_per_clip(self) -> float:
        """Bytes on disk for a clip, in all tables and indexes except those that hold vectors."""
        rest = [size for name, size in self.bytes_by_table.items() if not name.startswith(VECTORS)]
        return sum(rest) / self.clips


def measure(home: Path, clips: int) -> Measured:
    """Make a library and measure it."""
    begun = time.perf_counter()
    settings = Settings(home=home)
    database = open_database(settings)
    collection = Collection.make(clips, 0)
    with connect(database.url) as connection:
        load(connection, settings, clips, lambda connection: add_vectors(connection, collection.vectors, settings))
    ensure_indexes(database, rebuild=True)
    loaded = time.perf_counter() - begun
    by_table = sizes(database)
    library = Library(database=database, settings=settings, store=store_of(settings), clips=clips)
    rows = list(told(chain(driver_rows(library), people_rows(library), search_rows(library), bulk_rows(library))))
    database.close()
    embedded.release(home)
    return Measured(clips=clips, rows=rows, bytes_by_table=by_table, load_seconds=loaded)


def told(rows: Iterator[Row]) -> Iterator[Row]:
    """Print each row as soon as it is measured."""
    for row in rows:
        print(f"{row.ms:10.1f} ms  {row.what}  {row.rate}", flush=True)
        yield row


def report(sizes_measured: list[Measured]) -> str:
    """The section for RESULTS.md: the table of all sizes, and the bytes for a clip."""
    last, before = sizes_measured[-1], sizes_measured[-2] if len(sizes_measured) > 1 else None
    lines = []
    for number, row in enumerate(last.rows):
        found = [one.rows[number].ms for one in sizes_measured]
        growth = f"{row.ms / before.rows[number].ms:.2f}" if before else ""
        lines.append([row.what, *(f"{ms:.1f}" for ms in found), growth, row.rate])
    head = ("what", *(f"ms at {one.clips:,} clips" for one in sizes_measured), "growth, last step", "rate")
    bytes_ = ", ".join(f"{one.bytes_per_clip:,.0f} at {one.clips:,}" for one in sizes_measured)
    tables = ", ".join(f"{name} {size / last.clips:,.0f}" for name, size in list(last.bytes_by_table.items())[:9])
    return (
        f"{results.table(head, lines)}\n\nBytes for a clip, all tables and indexes but those of vectors: {bytes_}. By "
        f"table, at {last.clips:,}: {tables}."
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", default="10000,100000,1000000")
    parser.add_argument("--home", type=Path, help="where the libraries are made (default: a folder that is removed)")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="million") as temporary:
        folder = options.home or Path(temporary)
        found = []
        for clips in map(int, options.clips.split(",")):
            print(f"{clips:,} clips", flush=True)
            found.append(measure(folder / f"clips{clips}", clips))
            print(f"made in {found[-1].load_seconds:.0f} s", flush=True)
    text = report(found)
    print(text)
    if not options.no_write:
        about = f"{date.today()} · {results.machine()} · `python benchmarks/million.py` · medians of {TIMES}"
        results.write_section("A million clips", f"{about}\n\n{text}")


if __name__ == "__main__":
    main()
