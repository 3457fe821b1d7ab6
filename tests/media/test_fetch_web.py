"""Downloads by yt-dlp for real, against a server on loopback that behaves well and badly."""

import hashlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import imageio_ffmpeg
import pytest
import web

from heaters.errors import FetchError, SourceRefused
from heaters.media.fetch import Fetched, FetchLimits, FetchProgress, fetch
from heaters.media.web_errors import Outcome, judge

LIMITS = {"max_bytes": 10_000_000, "timeout_seconds": 60, "allow_private_hosts": True, "backoff_seconds": 0.02}


def ffmpeg(*arguments: object, folder: Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, cwd=folder, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v.mp4 (50 frames, sound), the same as HLS (p.m3u8) and as DASH with picture and sound apart (d.mpd)."""
    folder = tmp_path_factory.mktemp("media")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2", "-c:v", "libx264",
           "-preset", "ultrafast", "-g", 25, "-c:a", "aac", "v.mp4", folder=folder)  # fmt: skip
    ffmpeg(
        "-i", "v.mp4", "-c", "copy", "-f", "hls", "-hls_time", 1, "-hls_playlist_type", "vod", "p.m3u8", folder=folder
    )
    ffmpeg("-i", "v.mp4", "-i", "v.mp4", "-map", "0:v", "-map", "1:v", "-map", "0:a", "-c", "copy", "-c:v:1", "libx264",
           "-s:v:1", "160x90", "-f", "dash", "-adaptation_sets", "id=0,streams=v id=1,streams=a",
           "d.mpd", folder=folder)  # fmt: skip
    return folder


@pytest.fixture
def site() -> Iterator[web.Site]:
    with web.site() as running:
        yield running


def get(url: str, folder: Path, **limits: object) -> Fetched:
    return fetch(url, folder, limits=FetchLimits(**{**LIMITS, **limits}))


def stream_counts(path: Path) -> dict[str, int]:
    """Decoded frames of each kind of stream."""
    counts: dict[str, int] = {}
    with av.open(str(path)) as container:
        for frame in container.decode():
            kind = "video" if isinstance(frame, av.VideoFrame) else "audio"
            counts[kind] = counts.get(kind, 0) + 1
    return counts


def add_folder(site: web.Site, folder: Path) -> None:
    kinds = {".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml", ".ts": "video/mp2t"}
    for path in folder.iterdir():
        site.add(f"/{path.name}", web.file(path.read_bytes(), kinds.get(path.suffix, "video/mp4")))


def test_a_direct_file_arrives_byte_for_byte(site: web.Site, media: Path, tmp_path: Path) -> None:
    data = (media / "v.mp4").read_bytes()
    url = site.add("/v.mp4", web.file(data, "application/octet-stream"))  # a wrong content type does not matter
    seen: list[FetchProgress] = []
    limits = FetchLimits(**LIMITS)
    fetched = fetch(f"{url}?token=geheim-geheim", tmp_path, limits=limits, on_progress=seen.append)
    assert fetched.path.read_bytes() == data
    assert fetched.sha256 == hashlib.sha256(data).hexdigest()
    assert (fetched.extension, fetched.strategy, fetched.is_borrowed, fetched.resumed_bytes) == (
        "mp4",
        "best",
        False,
        0,
    )
    assert (fetched.resolution_obtained, fetched.resolution_best) == ((320, 180), None)
    assert fetched.provenance["extractor"] == "generic"
    assert fetched.provenance["webpage_url"] == f"{url}?token=***"
    assert seen
    assert "geheim" not in repr(fetched)


def test_hls_arrives_whole(site: web.Site, media: Path, tmp_path: Path) -> None:
    add_folder(site, media)
    fetched = get(site.url("/p.m3u8"), tmp_path)
    assert stream_counts(fetched.path)["video"] == 50
    assert stream_counts(fetched.path)["audio"] > 80
    assert fetched.formats_offered[0]["protocol"] == "m3u8_native"


def test_dash_is_merged_at_the_best_resolution(site: web.Site, media: Path, tmp_path: Path) -> None:
    add_folder(site, media)
    fetched = get(site.url("/d.mpd"), tmp_path)
    assert fetched.strategy == "best"
    assert fetched.format_obtained.count("+") == 1
    assert fetched.resolution_obtained == fetched.resolution_best == (320, 180)
    assert fetched.is_best_resolution
    assert stream_counts(fetched.path)["video"] == 50
    assert stream_counts(fetched.path)["audio"] > 80
    assert len(fetched.formats_offered) == 3


def test_a_format_that_fails_gives_way_to_the_next_strategy(site: web.Site, media: Path, tmp_path: Path) -> None:
    add_folder(site, media)
    for path in media.glob("*-stream0*"):  # the picture of 320×180
        site.add(f"/{path.name}", web.status(403))
    fetched = get(site.url("/d.mpd"), tmp_path)
    assert fetched.strategy == "smallest"
    assert (fetched.resolution_obtained, fetched.resolution_best) == ((160, 90), (320, 180))
    assert not fetched.is_best_resolution


def test_passing_trouble_is_waited_out(site: web.Site, media: Path, tmp_path: Path) -> None:
    page = web.file((media / "v.mp4").read_bytes())
    trouble = (web.status(500), web.status(429, Retry_After=0), page, web.status(503))
    assert get(site.add("/v.mp4", web.sequence(*trouble, page)), tmp_path).size_bytes > 0
    assert len(site.asked("/v.mp4")) == 5


@pytest.mark.parametrize("code", [503, 429])
def test_lasting_trouble_may_be_tried_again_later(code: int, site: web.Site, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=f"HTTP {code}"):
        get(site.add("/v.mp4", web.status(code, Retry_After=3600)), tmp_path)
    assert len(site.requests) == 1  # an hour is the stage's back-off, not ours


def playlist(*names: str) -> web.Page:
    videos = "".join(f'<video src="/{name}"></video>' for name in names)
    return web.text(f"<html><head><title>A page</title></head><body>{videos}</body></html>")


LIVE = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:1,\np0.ts\n"


REFUSED = {
    "gone": (web.status(404), "HTTP 404"),
    "gone in between": (web.sequence(web.file(bytes(1000)), web.status(410)), "HTTP 410"),
    "page": (web.text("<html><body>Nothing to see</body></html>"), "must hold a video"),
    "playlist": (playlist("a.mp4", "b.mp4"), "playlist"),
    "live": (web.text(LIVE, "application/vnd.apple.mpegurl"), "live"),
    "huge": (web.endless(claims_bytes=100 * 2**30), "at most 10000000 bytes .* claims 107374182400"),
    "endless": (web.endless(), "at most 10000000 bytes .* claims no length"),
    "endless page": (web.endless("text/html"), "page or manifest may have at most"),
    "redirect to a file": (web.redirect("file:///etc/hostname"), "only http and https"),
}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[BaseException | None, Path]]:
    """The error of each source of REFUSED, and the folder it was fetched into; several at a time, to save time."""
    folder = tmp_path_factory.mktemp("refused")
    with web.site() as site, ThreadPoolExecutor(3) as pool:
        waiting = {}
        for name, (page, _) in REFUSED.items():
            url = site.add(f"/{name.replace(' ', '-')}", page)
            waiting[name] = pool.submit(get, f"{url}?token=geheim-geheim", folder / name)
        return {name: (future.exception(), folder / name) for name, future in waiting.items()}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, refusals: dict[str, tuple[BaseException | None, Path]]) -> None:
    error, folder = refusals[name]
    assert isinstance(error, SourceRefused), error
    assert re.search(REFUSED[name][1], str(error)), error
    assert "token=***" in str(error)
    assert "geheim" not in str(error)
    assert [path.name for path in folder.iterdir()] == ["programs"]


def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    with web.site(untrusted_tls=True) as site:
        with pytest.raises(SourceRefused, match="certificate"):
            get(site.url("/v.mp4").replace("http", "https"), tmp_path)
        assert site.requests == []


def test_a_private_address_behind_a_proxy_and_a_redirect_is_refused(site: web.Site, tmp_path: Path) -> None:
    site.add("/start", web.redirect(site.url("/inside")))
    site.add("/inside", web.text("secret"))
    proxy = f"http://me:geheim@127.0.0.1:{site.port}"
    with pytest.raises(SourceRefused, match=r"HEATERS_ALLOW_PRIVATE_HOSTS.*127\.0\.0\.1") as caught:
        get("http://public.example/start", tmp_path, allow_private_hosts=False, proxy_url=proxy)
    assert "geheim" not in str(caught.value)
    assert [asked.target for asked in site.requests] == ["http://public.example/start"]


def interrupt(url: str, folder: Path) -> None:
    """Fetch, and stop it (the child is killed) when its first bytes are on disk."""

    def stop(_: FetchProgress) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not any(path.stat().st_size for path in folder.glob("*.part")):
            time.sleep(0.02)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(url, folder, limits=FetchLimits(**LIMITS), on_progress=stop)


def test_a_killed_download_resumes(site: web.Site, media: Path, tmp_path: Path) -> None:
    data = (media / "v.mp4").read_bytes()
    url = site.add("/v.mp4", web.sequence(web.file(data, etag='"v1"'), web.broken(data, 40_000, stall_seconds=30)))
    interrupt(url, tmp_path)
    site.requests.clear()
    site.add("/v.mp4", web.file(data, etag='"v1"'))
    fetched = get(url, tmp_path)
    assert fetched.path.read_bytes() == data
    assert 0 < fetched.resumed_bytes <= 40_000
    assert (site.requests[-1].range, site.requests[-1].if_range) == (f"bytes={fetched.resumed_bytes}-", '"v1"')


def test_a_file_that_changed_is_not_joined_to_its_old_half(site: web.Site, media: Path, tmp_path: Path) -> None:
    data = (media / "v.mp4").read_bytes()
    url = site.add("/v.mp4", web.sequence(web.file(data, etag='"v1"'), web.broken(data, 40_000, stall_seconds=30)))
    interrupt(url, tmp_path)
    other = data + b"longer"
    # The look at the page answers like the old file once more, so that only the resumed request can tell.
    site.add("/v.mp4", web.sequence(web.file(data, etag='"v1"'), web.file(other, etag='"v2"')))
    fetched = get(url, tmp_path)
    assert fetched.path.read_bytes() == other
    assert fetched.resumed_bytes == 0


def test_time_is_limited(site: web.Site, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"may take 2\.5 s"):
        get(site.add("/slow.mp4", web.endless(wait_seconds=0.5)), tmp_path, timeout_seconds=2.5)


def test_a_rate_is_kept(site: web.Site, media: Path, tmp_path: Path) -> None:
    data = (media / "v.mp4").read_bytes()
    begun = time.monotonic()
    fetched = get(site.add("/v.mp4", web.file(data)), tmp_path, bytes_per_second=len(data) / 3)
    assert fetched.path.read_bytes() == data
    assert time.monotonic() - begun > 2  # three seconds, less what comes in the first block


def test_titles_are_data_and_cookies_stay_secret(site: web.Site, media: Path, tmp_path: Path) -> None:
    title = "'\"/\\..%(id)s " + "😀" * 300
    site.add("/v.mp4", web.file((media / "v.mp4").read_bytes()))
    url = site.add("/page", web.text(f'<html><head><title>{title}</title></head><video src="/v.mp4"></video></html>'))
    jar = tmp_path / "cookies.txt"
    jar.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tgeheim\n")
    before = jar.read_bytes()
    fetched = get(url, tmp_path / "scratch", cookies_file=str(jar))
    assert fetched.title.startswith(title.strip())
    assert re.fullmatch(r"web-[0-9a-f]{16}-best\.mp4", fetched.path.name)
    assert {asked.cookie for asked in site.requests} == {"session=geheim"}
    assert jar.read_bytes() == before
    assert "geheim" not in repr(fetched)
    assert not any(b"geheim" in path.read_bytes() for path in fetched.path.parent.iterdir() if path.is_file())


def test_missing_cookies_are_named(site: web.Site, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="HEATERS_COOKIES"):
        get(site.url("/v.mp4"), tmp_path, cookies_file=str(tmp_path / "none.txt"))


def test_a_killed_parent_takes_the_download_with_it(site: web.Site, tmp_path: Path) -> None:
    url = site.add("/slow.mp4", web.endless(wait_seconds=0.05))
    code = (
        "import sys\nfrom pathlib import Path\nfrom heaters.media.fetch import FetchLimits, fetch\n"
        "limits = FetchLimits(max_bytes=2**40, timeout_seconds=600, allow_private_hosts=True)\n"
        f"fetch({url!r}, Path({str(tmp_path)!r}), limits=limits, on_progress=lambda _: print('going', flush=True))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "going\n"
        site.left.clear()
        parent.send_signal(signal.SIGKILL)
        assert site.left.wait(10)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("ERROR: [youtube] x: Sign in to confirm you’re not a bot.", Outcome.FAILED),
        ("ERROR: [youtube] x: Private video. Sign in if you've been granted access", Outcome.REFUSED),
        ("ERROR: [youtube] x: Video unavailable. This video has been removed by the uploader", Outcome.REFUSED),
        ("ERROR: [youtube] x: This live event will begin in 3 hours.", Outcome.REFUSED),
        ("ERROR: This format is DRM protected", Outcome.REFUSED),
        ("ERROR: Postprocessing: Conversion failed!", Outcome.FAILED),
        ("ERROR: something new", Outcome.FAILED),
    ],
)
def test_what_sites_say_is_judged(text: str, outcome: Outcome) -> None:
    assert judge(RuntimeError(text)).outcome is outcome
