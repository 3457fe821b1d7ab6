"""Long downloads: memory stays flat on a body without end, and what is finished is not fetched again."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
import web
from processes import descendants

from heaters.errors import FetchError, SourceRefused
from heaters.media.fetch import FetchLimits, FetchProgress, fetch

MB = 1_000_000


@pytest.fixture
def site() -> Iterator[web.Site]:
    with web.site() as running:
        yield running


def peak_bytes() -> int:
    """The most memory that the downloading child has held."""
    (pid,) = (pid for pid, command in descendants() if "heaters.media.web_child" in command)
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM"))) * 1024


def test_memory_stays_flat_on_an_endless_body(site: web.Site, tmp_path: Path) -> None:
    peaks: dict[int, int] = {}

    def look(progress: FetchProgress) -> None:
        peaks[progress.downloaded_bytes] = peak_bytes()

    limits = FetchLimits(max_bytes=400 * MB, timeout_seconds=120, allow_private_hosts=True)
    with pytest.raises(SourceRefused, match="at most 400000000 bytes"):
        fetch(site.add("/endless.mp4", web.endless(wait_seconds=0.0005)), tmp_path, limits=limits, on_progress=look)
    early = max(peak for done, peak in peaks.items() if done < 100 * MB)
    assert max(peaks) > 200 * MB
    assert max(peaks.values()) - early < 20 * MB
    assert not list(tmp_path.glob("web-*"))  # what is refused leaves nothing


def test_a_finished_part_is_not_fetched_again(site: web.Site, tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=2"]
    command += ["-f", "lavfi", "-i", "sine=d=2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-f", "dash"]
    command += ["-adaptation_sets", "id=0,streams=v id=1,streams=a", "d.mpd"]
    subprocess.run(command, check=True, cwd=media, stdin=subprocess.DEVNULL)
    for path in media.iterdir():
        kind = "application/dash+xml" if path.suffix == ".mpd" else "video/mp4"
        site.add(f"/{path.name}", web.file(path.read_bytes(), kind))
    sounds = [f"/{path.name}" for path in media.glob("chunk-stream1*")]
    pictures = [f"/{path.name}" for path in media.glob("*-stream0*")]
    assert sounds
    kept = {name: site.pages[name] for name in sounds}
    for name in sounds:
        site.add(name, web.status(503))
    limits = FetchLimits(max_bytes=10 * MB, timeout_seconds=60, allow_private_hosts=True, backoff_seconds=0.01)
    with pytest.raises(FetchError, match="503"):
        fetch(site.url("/d.mpd"), tmp_path / "scratch", limits=limits)
    assert all(site.asked(name) for name in pictures)
    site.requests.clear()
    site.pages.update(kept)
    fetched = fetch(site.url("/d.mpd"), tmp_path / "scratch", limits=limits)
    assert fetched.strategy == "best"
    assert not any(site.asked(name) for name in pictures)
    assert all(site.asked(name) for name in sounds)
    assert fetched.resumed_bytes > 0
