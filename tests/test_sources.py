"""What people name, expanded: manifests and prefixes on the web and in S3, playlists, a folder that is watched."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
import web
from command import Heaters
from rows import rows

from heaters.errors import SourceRefused, UsageError
from heaters.settings import Settings
from heaters.sources import Reach, watch
from heaters.store.db import Database


@pytest.fixture
def site() -> Iterator[web.Site]:
    with web.site() as running:
        yield running


@pytest.fixture
def reach(tmp_path: Path) -> Reach:
    return Reach(settings=Settings(home=tmp_path / "home", allow_private_hosts=True))


def test_manifests_on_the_web(site: web.Site, reach: Reach) -> None:
    text = site.add("/lists/m.txt", web.text("﻿# films\n\na.mp4\n/b.mp4\nhttps://example.org/c.mp4\n", "text/plain"))
    table = site.add("/m.csv", web.text('name,url\nx,"d.mp4"\n', "text/csv"))
    lines = site.add("/m.jsonl", web.text(json.dumps({"path": "e.mp4"}), "application/json"))
    assert list(reach.expand([text, table, f"{lines}?v=1", "f.mp4"])) == [
        site.url("/lists/a.mp4"), site.url("/b.mp4"), "https://example.org/c.mp4", site.url("/d.mp4"),
        site.url("/e.mp4"), "f.mp4",
    ]  # fmt: skip


def test_a_manifest_that_cannot_be_is_refused(site: web.Site, reach: Reach) -> None:
    nested = site.add("/n.txt", web.text("other.txt", "text/plain"))
    with pytest.raises(UsageError, match="lists videos, not manifests"):
        list(reach.expand([nested]))
    with pytest.raises(SourceRefused, match="HTTP 404"):
        list(reach.expand([site.url("/gone.txt")]))
    closed = Reach(settings=replace(reach.settings, allow_private_hosts=False))
    with pytest.raises(SourceRefused, match="HEATERS_ALLOW_PRIVATE_HOSTS"):
        list(closed.expand([site.url("/n.txt")]))
    assert len(site.asked("/n.txt")) == 1
    assert not list(reach.settings.scratch.glob("*"))


RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>A feed</title>{items}</channel></rss>"""
ITEM = """<item><title>Film {n}</title><enclosure url="{url}" type="video/mp4" length="1"/></item>"""


def test_a_playlist_is_expanded_when_asked_and_only_then(site: web.Site, reach: Reach) -> None:
    films = [site.url(f"/{n}.mp4") for n in range(3)]
    items = "".join(ITEM.format(n=n, url=url) for n, url in enumerate(films))
    feed = site.add("/feed.xml", web.text(RSS.format(items=items), "application/rss+xml"))
    asking = replace(reach, playlists=True)
    assert list(asking.expand([feed])) == films
    assert not any(site.asked(f"/{n}.mp4") for n in range(3))  # nothing is fetched for a list
    assert list(reach.expand([feed])) == [feed]


def test_a_page_with_several_videos_and_one_with_one(site: web.Site, reach: Reach) -> None:
    for name in ("a", "b"):
        site.add(f"/{name}.mp4", web.file(bytes(1000)))
    page = site.add("/page", web.text('<title>T</title><video src="/a.mp4"></video><video src="/b.mp4"></video>'))
    asking = replace(reach, playlists=True)
    assert list(asking.expand([page])) == [site.url("/a.mp4"), site.url("/b.mp4")]
    assert list(asking.expand([site.url("/a.mp4")])) == [site.url("/a.mp4")]


def test_prefixes_and_manifests_in_s3(s3_endpoint: str, s3_location: str, tmp_path: Path) -> None:
    bucket, _, prefix = s3_location.removeprefix("s3://").partition("/")
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    for key, body in {
        "films/b ü.MP4": b"b", "films/a.mkv": b"a", "films/notes.txt": b"", "films/deep/c.mov": b"c",
        "films/empty.mp4": b"", "films/readme.md": b"x", "list.txt": b"films/a.mkv\n# no\nhttps://example.org/d.mp4\n",
    }.items():  # fmt: skip
        client.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=body)
    reach = Reach(settings=Settings(home=tmp_path, s3_endpoint=s3_endpoint))
    top = f"s3://{bucket}/{prefix}"
    assert list(reach.expand([f"{top}/films/"])) == [f"{top}/films/{k}" for k in ("a.mkv", "b ü.MP4", "deep/c.mov")]
    assert list(reach.expand([f"{top}/films/a.mkv"])) == [f"{top}/films/a.mkv"]
    assert list(reach.expand([f"{top}/list.txt"])) == [f"{top}/films/a.mkv", "https://example.org/d.mp4"]
    with pytest.raises(UsageError, match="no video under"):
        list(reach.expand([f"{top}/nothing/"]))
    with pytest.raises(SourceRefused, match="could not read"):
        list(reach.expand([f"{top}/gone.txt"]))


def test_a_watched_folder_gives_each_file_once_it_has_settled(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "old.mp4").write_bytes(b"old")
    for ignored in (".hidden.mp4", "a.txt", "b.mp4.part", "empty.mov"):
        (folder / ignored).write_bytes(b"" if "empty" in ignored else b"x")
    stop, seen = threading.Event(), []

    def run() -> None:
        for path in watch(folder, stop, settle_seconds=0.3):
            seen.append((path.name, path.stat().st_size))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        growing = folder / "deep" / "new.MKV"
        for _ in range(12):  # slower than it is looked at, faster than it settles
            with growing.open("ab") as file:
                file.write(bytes(1000))
            time.sleep(0.1)
        _until(lambda: len(seen) == 2)
        with growing.open("ab") as file:
            file.write(b"more")
        _until(lambda: len(seen) == 3)
        time.sleep(0.8)
    finally:
        stop.set()
        thread.join()
    assert seen == [("old.mp4", 3), ("new.MKV", 12_000), ("new.MKV", 12_004)]
    with pytest.raises(UsageError, match="needs a folder"):
        next(watch(tmp_path / "none", threading.Event()))


def _until(true) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_command_watches_until_it_is_told_to_stop(
    db: Database, database_url: str, tmp_path: Path, site: web.Site
) -> None:
    heaters = Heaters(
        {
            "HEATERS_HOME": str(tmp_path / "home"),
            "HEATERS_DATABASE_URL": database_url,
            "HEATERS_ALLOW_PRIVATE_HOSTS": "1",
        }
    )
    folder = tmp_path / "in"
    folder.mkdir()
    manifest = site.add("/m.txt", web.text("one.mp4\ntwo.mp4", "text/plain"))
    process = heaters.start("submit", manifest, "--watch", folder)
    try:
        (folder / "here.mp4").write_bytes(b"some film")
        _until(lambda: len(rows(db, "select id from videos")) == 3)
    finally:
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "watching" in out
    assert [row["source"] for row in rows(db, "select source from videos order by id")] == [
        site.url("/one.mp4"),
        site.url("/two.mp4"),
        str(folder / "here.mp4"),
    ]
    refused = heaters("submit", site.url("/gone.txt"), site.url("/x.mp4"), "--json")
    assert refused.code == 1
    assert [bool(row["error"]) for row in refused.json] == [True, False]
    assert heaters("submit").code == 2
