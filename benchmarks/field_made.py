"""Field cases of this project's own, made like those of a cases folder: a file, and its truth beside it.

Picture n shows n as a bar code (see field_bars.py) over flat cells, a white square flashes at the top right for three
frames, and a beep of 40 ms begins with each flash.
"""

import json
import subprocess
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import field_shapes
import imageio_ffmpeg
import numpy as np
from field_bars import BITS, CELLS
from numpy.typing import NDArray

WIDTH, HEIGHT, SOUND_RATE = 480, 270, 48_000
CUTS, FRAMES, EVERY, FIRST = (50, 100), 150, 25, 10
H264 = ("-c:v", "libx264", "-crf", "16", "-preset", "veryfast", "-pix_fmt", "yuv420p")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-pix_fmt", "yuv422p")
PCM = ("-c:a", "pcm_s16le")


def ffmpeg(*arguments: object, data: bytes | None = None) -> None:
    """Run the product's ffmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, input=data, check=True, stdin=subprocess.DEVNULL if data is None else None)


def flashes() -> list[int]:
    """The first frame of each flash."""
    return list(range(FIRST, FRAMES - 3, EVERY))


def picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """Frame `number`, uint8 RGB [height, width, 3]."""
    shot = sum(number >= cut for cut in CUTS)
    dice = np.random.default_rng(shot + 1)
    cells = dice.integers(40, 216, (4, 6, 3)).astype(np.uint8)
    rows, columns = np.arange(height) * 4 // height, (np.arange(width) + number) * 6 // width % 6
    made = cells[rows[:, None], columns[None, :]].copy()
    bits = [1, *((number >> (BITS - 1 - k)) & 1 for k in range(BITS)), 0]
    made[height - height // 6 :] = 0
    cell = width // CELLS
    for k, bit in enumerate(bits):
        made[height - height // 6 :, k * cell : (k + 1) * cell] = 255 * bit
    is_flash = any(first <= number < first + 3 for first in flashes())
    made[: height // 4, width - width // 5 :] = 255 if is_flash else 0
    return made


def film(path: Path, rate: float, *options: str, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """Pictures and their beeps as ffmpeg's options say."""
    sound = np.zeros(round(FRAMES / rate * SOUND_RATE))
    wave_ = 0.6 * np.sin(2 * np.pi * 1000 * np.arange(SOUND_RATE // 25) / SOUND_RATE)
    for first in flashes():
        at = round(first / rate * SOUND_RATE)
        sound[at : at + len(wave_)] = wave_[: len(sound) - at]
    beeps = path.with_name("tmp_beeps.wav")
    with wave.open(str(beeps), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SOUND_RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    raw = b"".join(picture(n, *size).tobytes() for n in range(FRAMES))
    shape = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", rate)
    ffmpeg(*shape, "-i", "-", "-i", beeps, *options, path, data=raw)
    beeps.unlink()
    return path


def jump(source: Path, out: Path, seconds: float) -> None:
    """The same film with a hole before frame 75."""
    after = f"setts=ts='TS+if(gte(TS*TB,2.995),{seconds}/TB,0)'"  # there are no B-frames, so both times are one
    ffmpeg("-i", source, "-c", "copy", "-bsf:v", after, "-bsf:a", after, out)


def latin(path: Path, mark: bytes) -> None:
    """A title that was written as UTF-8 of the same length becomes Latin-1."""
    data = path.read_bytes()
    assert mark in data, path
    path.write_bytes(data.replace(mark, b"Ren\xe9\xe9"))


def scramble(path: Path, out: Path, pid: int) -> None:
    """A transport stream whose packets of a PID say that they are scrambled."""
    data = bytearray(path.read_bytes())
    for at in range(0, len(data), 188):
        if int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF == pid:
            data[at + 3] |= 0x80
    out.write_bytes(data)


def make(out: Path) -> None:
    """Write all files with their truths into a folder."""
    out.mkdir(parents=True, exist_ok=True)

    def truth(name: str, rate: float = 25, **more: Any) -> None:
        known = {"frames": FRAMES, "cuts": CUTS, "flashes": flashes(), "rate": rate, **more}
        (out / f"{name}.truth.json").write_text(json.dumps(known))

    def written(name: str, rate: float, options: Sequence[str], size: tuple[int, int], **more: Any) -> Path:
        truth(name, rate, **more)
        return film(out / name, rate, *options, size=size)

    usual = (WIDTH, HEIGHT)
    sd = (720, 576)
    code = "01:02:03:04"
    stated = ("-timecode", code)
    written("z_timecode.gxf", 25, (*MPEG2[:4], "-pix_fmt", "yuv420p", *stated, *PCM), sd, timecode=code)
    written(
        "z_timecode.dv", 25, ("-c:v", "dvvideo", "-pix_fmt", "yuv420p", *stated, *PCM, "-ac", "2"), sd, timecode=code
    )
    written("z_timecode.mkv", 25, (*H264, "-metadata", f"timecode={code}"), usual, timecode=code)
    written("z_fifteen.mp4", 15, H264, usual, list_rate="30")
    plain = written("z_plain.mkv", 25, (*H264, "-bf", "0", "-c:a", "aac"), usual)
    for suffix in ("mp4", "mov", "flv"):
        jump(plain, out / f"z_jump.{suffix}", 1200)
        truth(f"z_jump.{suffix}")
    for suffix in ("avi", "flv", "mp4"):
        # Handler and title; the same bytes as "Réné" in UTF-8 have, so that no length changes.
        name = f"z_latin.{suffix}"
        codec = ("-c:v", "mpeg4", "-q:v", "2", "-c:a", "mp3") if suffix == "avi" else (*H264, "-c:a", "aac")
        latin(written(name, 25, (*codec, "-metadata", "title=Ren.."), usual), b"Ren..")
    ffmpeg("-i", plain, "-c", "copy", out / "tmp.ts")
    scramble(out / "tmp.ts", out / "z_scrambled.ts", 0x100)
    (out / "z_scrambled.ts.truth.json").write_text(json.dumps({"refused": "encrypted"}))
    longer = ("-af", "apad=whole_dur=900", "-map", "0:v", "-map", "0:a", "-c:v", "copy", "-c:a", "libopus")
    ffmpeg("-i", plain, *longer, out / "z_long_sound.mkv")
    truth("z_long_sound.mkv")
    (out / "tmp.ts").unlink()
    field_shapes.make(out, film, ffmpeg, truth)
