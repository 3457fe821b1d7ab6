"""How far the colours of a field case's file are from the case's own: the eight patches, in proxy, still and export.

python benchmarks/field_colour.py NAME FILE …        NAME: the case, whose name says which colours it shows
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import colours

HDR = "a08_"  # cases that show a scene; the others show bars


def colour_error(path: Path, name: str) -> float:
    """The largest difference of the patches of the first frame from those of case `name`, in levels of 255.

    A file is read by its own tags, HDR by its transfer, and where it has none as browsers do.
    """
    return colours.largest_error(colours.shown(path), colours.SCENE if name.startswith(HDR) else colours.BARS)


def main() -> None:
    """Measure the files that are named."""
    name = sys.argv[1]
    for path in map(Path, sys.argv[2:]):
        print(f"{path.name}: {colour_error(path, name):.1f} levels")


if __name__ == "__main__":
    main()
