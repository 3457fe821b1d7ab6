"""Builds the sample reel: frames piped into the packaged ffmpeg, the truth saved beside the film."""

import subprocess
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

from heaters.errors import MediaError
from heaters.media.ffmpeg import binary
from heaters.sample import pictures, render, sound
from heaters.sample.reel import Reel, load_truth, save_truth
from heaters.sample.script import FRAME_RATE, lay_out, script

# Part of the truth: change it with anything that changes a frame, so that old films are built again.
BUILDER = "1"


def build_sample(path: Path, *, seed: int = 0) -> Reel:
    """The sample reel at `path` (an .mp4), built unless it is already there; the same truth for the same seed.

    Raises ConfigError where a package that holds its pictures is missing, MediaError where ffmpeg fails.
    """
    version = f"{BUILDER}-{seed}"
    reel = load_truth(path, version=version)
    if reel is not None:
        return reel
    takes = script(seed)
    for take in takes:
        pictures.find(take.picture)  # fail before the work, not in the middle
    cuts, shots = lay_out(takes)
    frame_count = shots[-1].end_frame
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".sample-") as folder:
        track, film = Path(folder) / "sound.wav", Path(folder) / "film.mp4"
        with wave.open(str(track), "wb") as file:
            file.setparams((1, 2, sound.RATE_HZ, 0, "NONE", ""))
            file.writeframes(sound.samples(cuts, frame_count).tobytes())
        _encode(render.frames(takes, cuts), track, film)
        film.replace(path)
    reel = Reel(path=path, frame_count=frame_count, frame_rate=FRAME_RATE, cuts=cuts, shots=shots)
    save_truth(reel, version=version)
    return reel


def _encode(frames: Iterator[bytes], track: Path, film: Path) -> None:
    command = [
        binary(), "-v", "error", "-nostdin", "-y",
        "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{render.WIDTH}x{render.HEIGHT}", "-r", str(FRAME_RATE),
        "-i", "pipe:0", "-i", str(track),
        "-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
        "-c:v", "libx264", "-preset", "superfast", "-crf", "22", "-c:a", "aac", "-b:a", "96k",
        "-movflags", "+faststart", str(film),
    ]  # fmt: skip
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=complaints)
        assert process.stdin is not None
        try:
            with process.stdin as pipe:
                for frame in frames:
                    pipe.write(frame)
        except BrokenPipeError:
            pass  # ffmpeg has ended early: its status and its complaint follow
        except BaseException:
            process.kill()
            raise
        finally:
            status = process.wait()
        if status:
            complaints.seek(0)
            raise MediaError(f"ffmpeg could not write the sample reel: {complaints.read().decode().strip()[-500:]}")
