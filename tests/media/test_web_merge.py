"""Picture and sound that were fetched apart keep the clock that they share: HLS and DASH, over real HTTP."""

import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import flashes
import imageio_ffmpeg
import pytest
import web

from heaters.media.fetch import FetchLimits, fetch
from heaters.media.web_merge import Times, sound_delay

FRAMES = 125
SECONDS = FRAMES / flashes.FRAMES_PER_SECOND
LIMITS = FetchLimits(max_bytes=10_000_000, timeout_seconds=60, allow_private_hosts=True, backoff_seconds=0.02)
KINDS = {".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml", ".ts": "video/mp2t"}
# How much later the sound begins than the picture, in seconds.
DELAYS = (0.0, 0.6, -0.6, 0.059, -0.059)
CLOCK = 10.0  # where the picture begins by the clock that both share; no stream begins before 0


def ffmpeg(*arguments: object, folder: Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, cwd=folder, stdin=subprocess.DEVNULL)


def parts(folder: Path, delay: float) -> tuple[Path, Path]:
    """Picture, and sound that begins `delay` later: its samples lie so that flash and beep fall together."""
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p")
    picture = flashes.write_pictures(folder / "v.mp4", FRAMES, *coded)
    moments = [at - delay for at in flashes.true_moments(FRAMES)]
    return picture, flashes.write_sound(folder / "a.wav", flashes.beeps(SECONDS - delay, moments))


def hls(folder: Path, delay: float, form: str) -> str:
    """Two playlists of segments, and one that names both. `form`: ts, fmp4, or aac (bare sound, its time in ID3)."""
    picture, sound = parts(folder, delay)
    fragments = ("-hls_segment_type", "fmp4") if form == "fmp4" else ()
    common = ("-muxdelay", "0", "-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", *fragments)

    def names(stem: str) -> tuple[str, ...]:
        init = ("-hls_fmp4_init_filename", f"{stem}.mp4") if form == "fmp4" else ()
        return (*init, "-hls_segment_filename", f"{stem}%d.{'m4s' if form == 'fmp4' else 'ts'}", f"{stem}.m3u8")

    ffmpeg("-i", picture, "-c", "copy", "-output_ts_offset", CLOCK, *common, *names("v"), folder=folder)
    if form == "aac":
        bare_sound(folder, sound, CLOCK + delay)
    else:
        late = ("-output_ts_offset", CLOCK + delay)
        ffmpeg("-i", sound, "-c:a", "aac", *late, *common, *names("a"), folder=folder)
    (folder / "master.m3u8").write_text(
        '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",DEFAULT=YES,AUTOSELECT=YES,'
        'URI="a.m3u8"\n#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=96x128,CODECS="avc1.64001e,mp4a.40.2",AUDIO="a"\n'
        "v.m3u8\n"
    )
    return "master.m3u8"


def bare_sound(folder: Path, sound: Path, begins: float) -> None:
    """One segment of AAC frames that says in an ID3 tag when it begins (RFC 8216, 3.4)."""
    ffmpeg("-i", sound, "-c:a", "aac", "bare.aac", folder=folder)
    clock = round((begins - 1024 / flashes.RATE) * 90_000)  # the encoder's run-in comes first
    frame = b"com.apple.streaming.transportStreamTimestamp\0" + clock.to_bytes(8, "big")
    size = len(frame)
    tag = b"ID3\x04\0\0" + bytes([0, 0, 0, size + 10]) + b"PRIV" + bytes([0, 0, 0, size]) + b"\0\0" + frame
    (folder / "a0.aac").write_bytes(tag + (folder / "bare.aac").read_bytes())
    head = f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{int(SECONDS) + 2}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
    (folder / "a.m3u8").write_text(f"{head}#EXTINF:{SECONDS},\na0.aac\n#EXT-X-ENDLIST\n")


def dash(folder: Path, delay: float) -> str:
    """One manifest of two sets: ffmpeg's muxer keeps the times of both in the fragments."""
    picture, sound = parts(folder, delay)
    inputs = ("-itsoffset", max(-delay, 0.0), "-i", picture, "-itsoffset", max(delay, 0.0), "-i", sound)
    sets = ("-f", "dash", "-seg_duration", "2", "-adaptation_sets", "id=0,streams=v id=1,streams=a")
    maps = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac")
    ffmpeg(*inputs, *maps, *sets, "d.mpd", folder=folder)
    return "d.mpd"


def plain_files(folder: Path, delay: float) -> str:
    """Segments of DASH as sites write them: whole MP4 files, each with its own edit list."""
    picture, sound = parts(folder, delay)
    late = ("-itsoffset", max(delay, 0.0), "-i", sound, "-c:a", "aac", "-movflags", "faststart")
    ffmpeg("-itsoffset", max(-delay, 0.0), "-i", picture, "-c", "copy", "v_.mp4", folder=folder)
    ffmpeg(*late, "a_.mp4", folder=folder)
    sets = "".join(
        f'<AdaptationSet contentType="{kind}" mimeType="{kind}/mp4"><Representation id="{name}" bandwidth="100000" '
        f'{shape}codecs="{codec}"><BaseURL>{name}_.mp4</BaseURL></Representation></AdaptationSet>'
        for kind, name, codec, shape in (
            ("video", "v", "avc1.64001e", 'width="96" height="128" '),
            ("audio", "a", "mp4a.40.2", ""),
        )
    )
    (folder / "p.mpd").write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT5S" '
        f'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period duration="PT5S">{sets}</Period></MPD>'
    )
    return "p.mpd"


def dash_of_two_clocks(folder: Path, delay: float) -> str:
    """A manifest whose sound counts from another moment than its picture: 7 s before the film begins."""
    name = dash(folder, delay)
    before, mark, after = (folder / name).read_text().partition('contentType="audio"')
    said = f'presentationTimeOffset="{7 * 48_000}"'
    (folder / name).write_text(before + mark + after.replace("<SegmentTemplate", f"<SegmentTemplate {said}"))
    for path in folder.glob("chunk-stream1-*"):  # 48,000 ticks a second
        data = path.read_bytes()
        at = data.index(b"tfdt") + 8
        moved = int.from_bytes(data[at : at + 8], "big") + 7 * 48_000
        path.write_bytes(data[:at] + moved.to_bytes(8, "big") + data[at + 8 :])
    return name


FORMS = {
    "HLS of transport streams": lambda folder, delay: hls(folder, delay, "ts"),
    "HLS of fragments": lambda folder, delay: hls(folder, delay, "fmp4"),
    "HLS of bare sound": lambda folder, delay: hls(folder, delay, "aac"),
    "DASH of fragments": dash,
    "DASH of two clocks": dash_of_two_clocks,
    "DASH of files": plain_files,
}


@pytest.fixture
def site() -> Iterator[web.Site]:
    with web.site() as running:
        yield running


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("form", FORMS)
def test_flash_and_beep_stay_together(form: str, delay: float, site: web.Site, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    name = FORMS[form](folder, delay)
    for path in folder.iterdir():
        site.add(f"/{path.name}", web.file(path.read_bytes(), KINDS.get(path.suffix, "video/mp4")))
    fetched = fetch(site.url(f"/{name}"), tmp_path / "scratch", limits=LIMITS)
    assert fetched.format_obtained.count("+") == 1
    found = flashes.offsets(fetched.path)
    assert len(found) == len(flashes.flash_frames(FRAMES))
    # Where the sound begins later, the first flashes have none.
    late = [one.sound_late_seconds for one in found[2 if delay > 0.5 else 0 :]]
    assert None not in late, found
    assert max(map(abs, late)) < 0.02, found
    assert fetched.provenance.get("sound_delay_seconds", 0) == pytest.approx(delay, abs=0.09)


def times(start: float, duration: float = 10.0, *, wraps: bool = False) -> Times:
    return Times(start_seconds=Fraction(start), duration_seconds=Fraction(duration), wraps=wraps)


def test_a_clock_that_begins_anew_between_the_two() -> None:
    whole = 2**33 / 90_000
    assert sound_delay(times(whole - 0.25, wraps=True), times(0.25, wraps=True)) == pytest.approx(0.5, abs=1e-6)
    assert sound_delay(times(0.25, wraps=True), times(whole - 0.25, wraps=True)) == pytest.approx(-0.5, abs=1e-6)


def test_what_would_not_overlap_shares_no_clock() -> None:
    assert sound_delay(times(3600), times(0)) == 0
    assert sound_delay(times(0), times(3600)) == 0
    assert sound_delay(times(0), times(9)) == 9
