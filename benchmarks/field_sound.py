"""How far flash and beep of a field case are apart: in a proxy, in a clip, in whatever file holds both.

python -m benchmarks.field_sound FILE …        prints for each the largest distance, and how many flashes
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import flashes


def largest_av_offset(path: Path) -> float:
    """Seconds between a flash and its beep, the largest of all flashes of `path`, sign left out.

    Infinite where a beep is missing or nothing flashes. Flashes are a white corner at the top right, beeps rise out of
    silence.
    """
    return float(flashes.largest_offset(path))


def main() -> None:
    """Measure the files that are named."""
    for name in sys.argv[1:]:
        path = Path(name)
        print(f"{path.name}: {1000 * largest_av_offset(path):.1f} ms, {len(flashes.offsets(path))} flashes")


if __name__ == "__main__":
    main()
