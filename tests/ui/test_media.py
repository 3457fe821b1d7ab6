"""Pictures and films by number, in ranges, from either kind of store."""

import io
from collections.abc import Callable
from pathlib import Path

import av
import barcode
import numpy as np
import prepared_source
import pytest
from client import client
from made import add_files, approve
from PIL import Image
from rows import add_clips, add_video, one
from served import Site
from sources import SOURCES

from heaters.core import keys
from heaters.core.stills import still_keys
from heaters.media.frames import FrameReader
from heaters.media.samples import SampleTrack
from heaters.store.objects import ObjectStore, open_store
from ui.media import FOREVER, mark
from ui.stills import MAKERS, SPRITE_TILES, TILE_SIZE, Film, Shot

KEY = "videos/proxy.mp4"
FILM = Film(content_hash="ab" * 32, sample_key=None, proxy_key=KEY)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bar-coded proxy of 50 frames at variable rate, as prepare makes it."""
    return prepared_source.make(SOURCES["vfr"](tmp_path_factory.mktemp("proxy"))).prepared.proxy


def filled(site: Site, store: ObjectStore, proxy: Path) -> tuple[int, list[int]]:
    """A video of that proxy with two clips; its number and theirs."""
    store.put_file(KEY, proxy)
    video = add_video(site.database, "film", "cut", frames=50)
    clips = add_clips(site.database, video, [20], frames=50)
    one(site.database, "update videos set proxy_key = %(k)s where id = %(v)s returning id", {"k": KEY, "v": video})
    return video, clips


def check_ranges(site: Site, video: int, proxy: Path) -> None:
    data = proxy.read_bytes()
    path = f"/media/videos/{video}/proxy"
    with client(site) as anyone:
        whole = anyone.get(path)
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, data, "video/mp4")
        assert whole.headers["accept-ranges"] == "bytes"
        for asked, part in (("0-", data), ("100-199", data[100:200]), ("-500", data[-500:]), ("0-0", data[:1])):
            answer = anyone.get(path, headers={"range": f"bytes={asked}"})
            assert (answer.status_code, answer.content) == (206, part), asked
            assert answer.headers["content-range"].endswith(f"/{len(data)}")
            assert int(answer.headers["content-length"]) == len(part)
        past = anyone.get(path, headers={"range": f"bytes={len(data)}-"})
        assert past.status_code == 416
        assert past.headers["content-range"].endswith(f"*/{len(data)}")
        head = anyone.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) == len(data)
        etag = whole.headers["etag"]
        assert anyone.get(path, headers={"if-none-match": etag}).status_code == 304
        stale = anyone.get(path, headers={"range": "bytes=0-9", "if-range": '"other"'})
        assert stale.status_code == 200
        fresh = anyone.get(path, headers={"range": "bytes=0-9", "if-range": etag})
        assert fresh.status_code == 206
        assert whole.headers["cache-control"] == "private, no-cache"
        assert anyone.get(f"{path}?v={mark(KEY)}").headers["cache-control"] == FOREVER


def test_ranges_of_a_folder(empty_site: Site, proxy: Path) -> None:
    video, _ = filled(empty_site, empty_site.context.store, proxy)
    check_ranges(empty_site, video, proxy)


def test_ranges_of_s3_relayed(
    make_site: Callable[..., Site], database_url: str, s3_endpoint: str, s3_location: str, proxy: Path
) -> None:
    site = make_site(database_url=database_url, store=s3_location, s3_endpoint=s3_endpoint)
    video, clips = filled(site, open_store(s3_location, s3_endpoint=s3_endpoint), proxy)
    check_ranges(site, video, proxy)
    with client(site) as anyone:
        assert anyone.get(f"/media/clips/{clips[0]}/poster").status_code == 200


def test_s3_redirected(
    make_site: Callable[..., Site], database_url: str, s3_endpoint: str, s3_location: str, proxy: Path
) -> None:
    site = make_site(database_url=database_url, store=s3_location, s3_endpoint=s3_endpoint, ui_media="redirect")
    video, _ = filled(site, open_store(s3_location, s3_endpoint=s3_endpoint), proxy)
    with client(site) as anyone:
        answer = anyone.get(f"/media/videos/{video}/proxy")
        assert answer.status_code == 307
        assert answer.headers["location"].startswith(s3_endpoint)
        followed = anyone.get(f"/media/videos/{video}/proxy", headers={"range": "bytes=5-9"}, follow_redirects=True)
        assert (followed.status_code, followed.content) == (206, proxy.read_bytes()[5:10])
        assert s3_endpoint in anyone.get("/").headers["content-security-policy"]


def test_stills_show_their_frames(empty_site: Site, proxy: Path) -> None:
    video, clips = filled(empty_site, empty_site.context.store, proxy)
    with client(empty_site) as anyone:
        poster = anyone.get(f"/media/clips/{clips[1]}/poster")
        assert barcode.read_barcode(picture(poster.content)) == 35
        assert (
            anyone.get(f"/media/clips/{clips[1]}/poster", headers={"if-none-match": poster.headers["etag"]}).status_code
            == 304
        )
        assert barcode.read_barcode(picture(anyone.get(f"/media/videos/{video}/frames/49").content)) == 49
        sprite = picture(anyone.get(f"/media/clips/{clips[0]}/sprite").content)
        assert sprite.shape == (TILE_SIZE[1], SPRITE_TILES * TILE_SIZE[0], 3)
        frames = f"videos/{video}/frames"
        for path in (f"{frames}/50", f"{frames}/-1", "clips/99/poster", f"clips/{2**70}/poster"):
            assert anyone.get(f"/media/{path}").status_code == 404, path
        assert anyone.get(f"/media/clips/{clips[0]}/export").status_code == 404


def test_without_a_proxy_pictures_are_samples_and_the_master_stands_in(empty_site: Site, tmp_path: Path) -> None:
    made = prepared_source.make(SOURCES["vfr"](tmp_path))
    store = empty_site.context.store
    video, clips = filled(empty_site, store, made.prepared.samples)
    store.put_file("v/source", made.path)
    with SampleTrack(made.prepared.samples) as track:
        samples = track.frames.tolist()
    content = one(empty_site.database, "select content_hash from videos where id = %(v)s", {"v": video})
    with client(empty_site) as anyone:
        for playable in (False, True):
            given = {"k": KEY, "v": video, "p": playable}
            statement = (
                "update videos set proxy_key = null, sample_key = %(k)s, source_key = 'v/source', container = 'mov,', "
                "is_playable = %(p)s where id = %(v)s returning id"
            )
            one(empty_site.database, statement, given)
            master = anyone.get(f"/media/videos/{video}/master", headers={"range": "bytes=0-9"})
            assert master.status_code == (206 if playable else 404)
        assert (master.content, master.headers["content-type"]) == (made.path.read_bytes()[:10], "video/mp4")
        assert anyone.get(f"/media/videos/{video}/proxy").status_code == 404
        shown = barcode.read_barcode(picture(anyone.get(f"/media/clips/{clips[1]}/poster").content))
        assert shown == min((s for s in samples if s >= 20), key=lambda s: abs(s - 35))
        frame = anyone.get(f"/media/videos/{video}/frames/49")
        assert barcode.read_barcode(picture(frame.content)) == samples[-1]
        assert frame.headers["cache-control"] == "private, no-cache", "the proxy will have the frame itself"
        assert picture(anyone.get(f"/media/clips/{clips[0]}/sprite").content).shape[1] == SPRITE_TILES * TILE_SIZE[0]
        # A clip in which no sample lies shows its own still.
        start, end = samples[3] + 1, samples[4]
        with SampleTrack(made.prepared.samples) as track:
            store.put_bytes(still_keys(content, start, end, "multi")["p50"], track.read(samples[2]).jpeg)
        film = Film(content_hash=content, sample_key=KEY, proxy_key=None)
        own = empty_site.context.stills.poster(Shot(film=film, start_frame=start, end_frame=end))
        assert barcode.read_barcode(picture(own.read_bytes())) == samples[2]


def test_an_exported_file_is_saved_by_its_clip(empty_site: Site, proxy: Path) -> None:
    video, clips = filled(empty_site, empty_site.context.store, proxy)
    content = one(empty_site.database, "select content_hash from videos where id = %(v)s", {"v": video})
    approve(empty_site.database, clips[:1])
    for profile, data in (("proxy", b"older"), ("copy", b"newer")):
        add_files(empty_site.database, clips[:1], profile, [data], params="abcdef0123")
        empty_site.context.store.put_bytes(keys.clip_export(content, 0, 20, profile, "abcdef0123"), data)
    with client(empty_site) as anyone:
        found = anyone.get(f"/media/clips/{clips[0]}/export")
        assert (found.status_code, found.content) == (200, b"newer")
        assert found.headers["content-disposition"] == f'attachment; filename="clip-{clips[0]}.mp4"'
        assert anyone.get(f"/media/clips/{clips[1]}/export").status_code == 404
        assert anyone.get("/media/clips/99/export").status_code == 404


def test_stills_stay_within_their_bound(empty_site: Site, proxy: Path) -> None:
    filled(empty_site, empty_site.context.store, proxy)
    stills = empty_site.context.stills
    paths = [stills.frame(FILM, frame, 50) for frame in range(20)]
    stills.max_bytes = sum(path.stat().st_size for path in paths) // 2
    stills.frame(FILM, 0, 50)  # used last, so it stays
    assert stills.sweep() <= stills.max_bytes
    assert paths[0].exists()
    assert not paths[1].exists()
    assert barcode.read_barcode(picture(stills.frame(FILM, 1, 50).read_bytes())) == 1


def test_many_stills_open_their_proxy_once_a_maker(
    empty_site: Site, proxy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(empty_site, empty_site.context.store, proxy)
    opened: list[Path] = []

    class Counted(FrameReader):
        def __init__(self, path: Path) -> None:
            opened.append(path)
            super().__init__(path)

    monkeypatch.setattr("ui.stills.FrameReader", Counted)
    for frame in range(20):
        picture_bytes = empty_site.context.stills.frame(FILM, frame, 50).read_bytes()
        assert barcode.read_barcode(picture(picture_bytes)) == frame
    assert 1 <= len(opened) <= MAKERS


def test_a_lost_proxy_is_said(empty_site: Site, proxy: Path) -> None:
    video, clips = filled(empty_site, empty_site.context.store, proxy)
    empty_site.context.store.delete([KEY])
    with client(empty_site) as anyone:
        assert anyone.get(f"/media/videos/{video}/proxy").status_code == 404
        assert anyone.get(f"/media/clips/{clips[0]}/poster").status_code == 503


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_the_proxy_plays(empty_site: Site, proxy: Path) -> None:
    video, _ = filled(empty_site, empty_site.context.store, proxy)
    with client(empty_site) as anyone, av.open(io.BytesIO(anyone.get(f"/media/videos/{video}/proxy").content)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 50
