"""python -m heaters.sample OUT.mp4: build the sample reel and print its true cuts."""

import sys
from pathlib import Path

from heaters.errors import HeatersError
from heaters.sample.build import build_sample


def main() -> int:
    """Exit codes as everywhere: 0 done, 2 wrong usage or configuration."""
    if len(sys.argv) != 2 or not sys.argv[1].endswith(".mp4"):
        print("usage: python -m heaters.sample OUT.mp4", file=sys.stderr)
        return 2
    try:
        reel = build_sample(Path(sys.argv[1]))
    except HeatersError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for cut, shot in zip(reel.cuts, reel.shots[1:], strict=True):
        seconds = float(cut.frame / reel.frame_rate)
        print(f"frame {cut.frame:5d}  {seconds:6.2f} s  {cut.kind:8}  {shot.label}")
    print(f"{reel.path}: {reel.frame_count} frames, {len(reel.shots)} shots; truth in {reel.truth_path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
