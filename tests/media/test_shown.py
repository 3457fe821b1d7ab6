"""Whatever is done to show a picture (crop, turn, mirror, pixels that are not square): record, proxy, still and every
export have the one shape that ffmpeg shows, and its picture fills them.
"""

from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import barcode
import numpy as np
import pytest
import shaped

from heaters.errors import MediaError
from heaters.media.clip_stills import clip_stills
from heaters.media.examine import examine
from heaters.media.playable import is_playable
from heaters.media.prepare import Prepared, prepare
from heaters.media.probe import Probe, probe
from heaters.media.profiles import profile
from heaters.media.proxy import is_fit_proxy
from heaters.media.samples import SampleTrack
from heaters.media.shown import as_shown

WIDE, NARROW = Fraction(4, 3), Fraction(1, 2)
TURNS = {
    "upright": (),
    "turned": ("-display_rotation:v", "90"),
    "over": ("-display_rotation:v", "180"),
    "mirrored": ("-display_hflip:v",),
    "mirrored and turned": ("-display_rotation:v", "90", "-display_hflip:v"),
}
# Of the codec, of the container; the container's goes first.
ASPECTS = {"square": (None, None), "codec": (WIDE, None), "container": (None, WIDE), "both": (WIDE, NARROW)}
# Every turn with every aspect, and every pair of these and a crop and a container.
COMBINATIONS = [
    (("mp4", "mkv")[(turn + aspect) % 2], (turn + aspect // 2) % 2 == 1, [*TURNS][turn], [*ASPECTS][aspect])
    for turn, aspect in product(range(len(TURNS)), range(len(ASPECTS)))
]


def clip(path: Path, made: Prepared, name: str, out: Path) -> tuple[float, int, int, str]:
    """Export frames 5 to 27: how a player shows the file, what the export says of its sides, and the rule."""
    pts = [*np.load(made.pts).tolist(), made.end_pts]
    pictures = np.fromfile(made.analysis, np.uint8).reshape(-1, 27, 48, 3)
    exported = profile(name).export(
        made.proxy if name == "proxy" else path,
        out,
        start_pts=pts[5],
        end_pts=pts[28],
        time_base=made.time_base,
        frame_count=23,
        has_audio=False,
        threads=2,
        timeout_seconds=60,
        pictures=pictures[5:28],
    )
    return shaped.shown(out), exported.width, exported.height, exported.rule


@pytest.mark.parametrize(("suffix", "is_cropped", "turn", "aspect"), COMBINATIONS)
def test_all_show_the_one_shape(suffix: str, is_cropped: bool, turn: str, aspect: str, tmp_path: Path) -> None:
    codec, container = ASPECTS[aspect]
    path = shaped.film(
        tmp_path, suffix, codec_aspect=codec, container_aspect=container, is_cropped=is_cropped, before=TURNS[turn]
    )
    facts = probe(path)
    made = prepare(path, tmp_path, facts, threads=2, timeout_seconds=60)
    wanted = Fraction(shaped.WIDTH, shaped.HEIGHT) * (container or codec or 1)
    wanted = 1 / wanted if "turned" in turn else wanted
    assert Fraction(facts.width, facts.height) == wanted
    assert made.shapes.runs == ((0, facts.width, facts.height),)
    assert made.proxy is not None
    still = tmp_path / "still.jpg"
    with SampleTrack(made.samples) as track:
        still.write_bytes(track.read(0).jpeg)
        assert barcode.read(np.asarray(track.read(0).picture())).number == 0
    found = {"proxy": shaped.shown(made.proxy), "still": shaped.shown(still)}
    for name in ("copy", "encode"):
        out = tmp_path / f"clip-{name}.mp4"
        found[name], width, height, rule = clip(path, made, name, out)
        assert width / height == pytest.approx(found[name], rel=0.02)
        assert barcode.read_video(out)[0] == list(range(5, 28))
        assert ("peculiar picture shape" in rule) == (name == "copy" and bool(facts.peculiar))
    (picture,) = clip_stills(out, [3], tmp_path)
    still.write_bytes(picture)
    found["still of the clip"] = shaped.shown(still)
    assert found == {name: pytest.approx(float(wanted), rel=0.04) for name in found}
    assert bool(facts.peculiar) == (is_cropped or "mirrored" in turn)


def test_a_crop_is_named_and_not_copied(tmp_path: Path) -> None:
    path = shaped.film(tmp_path, "mkv", is_cropped=True)
    facts = probe(path)
    assert (facts.width, facts.height, facts.coded_width, facts.coded_height) == (96, 64, 96, 64)
    assert facts.peculiar == ("cropped from 144 × 64 to 96 × 64",)
    made = prepare(path, tmp_path, facts, threads=2, timeout_seconds=60)
    *_, rule = clip(path, made, "copy", tmp_path / "clip.mp4")
    assert rule == "peculiar picture shape: cropped from 144 × 64 to 96 × 64"
    assert not is_playable(facts, made)


def test_nonsense_for_the_shape_of_pixels_is_left_out_of_exports_too(tmp_path: Path) -> None:
    path = shaped.film(tmp_path, "mp4", codec_aspect=Fraction(20))
    facts = probe(path)
    assert (facts.width, facts.height, facts.peculiar) == (96, 64, ("pixel aspect ratio 20 left out",))
    made = prepare(path, tmp_path, facts, threads=2, timeout_seconds=60)
    for name in ("copy", "encode"):
        assert clip(path, made, name, tmp_path / f"{name}.mp4")[0] == 1.5


def test_an_odd_turn_is_cut_at_the_corners_and_not_copied(tmp_path: Path) -> None:
    path = shaped.film(tmp_path, "mp4", before=("-display_rotation:v", "45"))
    facts = probe(path)
    assert (facts.width, facts.height, facts.rotation, facts.peculiar) == (96, 64, 0, ("turned by 315°",))
    made = prepare(path, tmp_path, facts, threads=2, timeout_seconds=60)
    shown, _, _, rule = clip(path, made, "copy", tmp_path / "clip.mp4")
    assert (shown, rule) == (1.5, "peculiar picture shape: turned by 315°")


@pytest.mark.parametrize("before", [("-display_vflip:v",), ()])
def test_a_mirrored_proxy_is_not_used_as_it_is(before: tuple[str, ...], tmp_path: Path) -> None:
    """ffmpeg mirrors it, browsers and PyAV do not."""
    plain = barcode.write(tmp_path / "plain.mp4", 10, options={"g": "1", "bf": "0"})
    path = tmp_path / "film.mp4"
    barcode.ffmpeg(*before, "-i", plain, "-c", "copy", "-movflags", "+faststart", path)
    assert is_fit_proxy(probe(path)) == (not before)
    made = prepare(path, tmp_path, probe(path), threads=2, timeout_seconds=60)
    assert made.reused == (not before)
    assert made.proxy is not None
    with av.open(str(made.proxy)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="gray")
    assert barcode.read(picture).mirrored == bool(before)


@pytest.mark.parametrize("size", [(97, 53), (1, 64), (64, 1), (1, 1), (18, 4)])
def test_strange_sides(size: tuple[int, int], tmp_path: Path) -> None:
    path, pictures = tmp_path / "film.mkv", f"color=c=olive:s={size[0]}x{size[1]}:r=25:d=1.2"
    barcode.ffmpeg("-f", "lavfi", "-i", pictures, "-c:v", "png", "-pix_fmt", "rgb24", path)
    facts = probe(path)
    assert (facts.width, facts.height) == size
    made = prepare(path, tmp_path, facts, threads=2, timeout_seconds=60)
    assert made.shapes.runs == ((0, *size),)
    shown, width, height, _ = clip(path, made, "copy", tmp_path / "clip.mp4")
    if min(size) > 1:
        assert (width, height) == (size[0] // 2 * 2, size[1] // 2 * 2)
    else:
        assert width / height == size[0] / size[1], "two thin lines instead of one"
    assert shown == pytest.approx(width / height)


def test_a_file_that_ffmpeg_does_not_decode_is_refused_with_its_words(tmp_path: Path) -> None:
    path = barcode.write(tmp_path / "film.mp4", 5)
    facts = probe(path)
    path.write_bytes(path.read_bytes()[:-200])  # looked at before, broken since
    with pytest.raises(MediaError):
        as_shown(path, facts, timeout_seconds=30)


def test_the_probe_of_a_plain_file_is_that_of_pyav(tmp_path: Path) -> None:
    path = barcode.write(tmp_path / "film.mp4", 5, sample_aspect_ratio=WIDE)
    found: Probe = examine(path)
    assert probe(path) == found
