"""The download stage on sources other than files: an object in S3, and what is recorded of a web page's formats."""

import hashlib
from fractions import Fraction
from pathlib import Path

import boto3
import pytest
from rows import one, rows
from shots import write_film
from working import Driver

from heaters.core.pipeline import STAGES
from heaters.errors import MediaError, SourceRefused
from heaters.media.fetched import Fetched
from heaters.media.probe import Probe
from heaters.settings import Settings
from heaters.stages.base import Context
from heaters.stages.download import DownloadResult, Input, Worker, provenance, record
from heaters.store.db import Database
from heaters.store.objects import open_store
from heaters.store.queries import query
from heaters.submit import submit


def test_an_object_in_s3_becomes_the_master(s3_endpoint: str, s3_location: str, tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4", ("lion",), 5)
    data = (tmp_path / "film.mp4").read_bytes()
    bucket, _, prefix = s3_location.removeprefix("s3://").partition("/")
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    client.put_object(Bucket=bucket, Key=f"{prefix}/Ein Film ü.MP4", Body=data)
    client.put_object(Bucket=bucket, Key=f"{prefix}/empty.mp4", Body=b"")
    settings = Settings(home=tmp_path / "home", s3_endpoint=s3_endpoint, max_source_gib=0.001)
    top = f"s3://{bucket}/{prefix}"
    sources = [f"{top}/Ein Film ü.MP4", f"{top}/gone.mp4", f"{top}/empty.mp4", f"s3://{bucket}"]
    items = [Input(id=n, source=source, content_hash=None) for n, source in enumerate(sources, 1)]
    good, gone, empty, none = Worker(settings)(items, Context())
    assert not isinstance(good, Exception), good
    assert (good.content_hash, good.size_bytes, good.strategy) == (hashlib.sha256(data).hexdigest(), len(data), "s3")
    assert (good.title, good.probe.width) == ("Ein Film ü", 320)
    assert good.provenance == {"extractor": "s3", "webpage_url": sources[0], "strategy": "s3"}
    assert open_store(settings.store_location).read(good.source_key) == data
    for refused in (gone, empty, none):
        assert isinstance(refused, SourceRefused), refused


def test_an_object_over_the_limit_is_refused(s3_endpoint: str, s3_location: str, tmp_path: Path) -> None:
    bucket, _, prefix = s3_location.removeprefix("s3://").partition("/")
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    client.put_object(Bucket=bucket, Key=f"{prefix}/large.mp4", Body=bytes(2_000_000))
    settings = Settings(home=tmp_path / "home", s3_endpoint=s3_endpoint, max_source_gib=0.001)
    item = Input(id=1, source=f"s3://{bucket}/{prefix}/large.mp4", content_hash=None)
    (refused,) = Worker(settings)([item], Context())
    assert isinstance(refused, SourceRefused)
    assert "HEATERS_MAX_SOURCE_GIB" in str(refused)


@pytest.mark.parametrize("offered", [(), ({"format_id": "137", "height": 1080}, {"format_id": "18"})])
def test_provenance_holds_what_was_offered_and_taken(offered: tuple, tmp_path: Path) -> None:
    fetched = Fetched(
        path=tmp_path, sha256="0" * 64, size_bytes=1, title="", extension="mp4", strategy="best",
        formats_offered=offered, format_obtained="137+140", provenance={"id": "x", "license": "CC-BY"},
    )  # fmt: skip
    found = provenance(fetched)
    assert (found["id"], found["license"], found["strategy"]) == ("x", "CC-BY", "best")
    assert found.get("formats_offered", []) == list(offered)
    assert ("format_obtained" in found) is bool(offered)


def downloaded(video: int, source: str, content_hash: str) -> tuple[Input, DownloadResult]:
    """What the stage would record of a source with these bytes."""
    facts = Probe(
        container="mov,", codec="h264", width=8, height=8, coded_width=8, coded_height=8, rotation=0, bit_depth=8,
        sample_aspect_ratio=Fraction(1), pixel_format="yuv420p", frame_rate=Fraction(25), time_base=Fraction(1, 25),
        start_seconds=0.0, duration_seconds=1.0, stated_end_seconds=1.0, video_stream_index=0, sound_indices=(),
        audio_codec="", size_bytes=9, intra_packets=None, is_faststart=True,
    )  # fmt: skip
    result = DownloadResult(
        content_hash=content_hash, source_key="k", size_bytes=9, title="caf\udce9", strategy="best", formats_offered=0,
        format_obtained="", resolution_obtained=None, resolution_best=None, is_best_resolution=True, resumed_bytes=0,
        probe=facts, provenance={"uploader": "Ren\udce9 \x00"}, seconds=1.0,
    )  # fmt: skip
    return Input(id=video, source=source, content_hash=None), result


def test_a_url_takes_over_from_a_file_that_died_before_it_was_stored(db: Database, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"some bytes")
    file, url = submit(db, str(tmp_path / "a.mp4")).video_id, submit(db, "https://example.org/a.mp4").video_id
    driver, stage = Driver(db, Settings(home=tmp_path)), STAGES["download"]
    claims = [claim for claim in driver.claim(stage) if claim.video_id == file]
    driver.finish(stage, claims, lambda _: SourceRefused("gone"))
    assert one(db, "select count(*) from failures") == 1
    with db.transaction() as tx:
        record(tx, 0, [downloaded(url, "https://example.org/a.mp4", hashlib.sha256(b"some bytes").hexdigest())])
    assert rows(db, "select id, duplicate_of, source_key from videos order by id") == [
        {"id": file, "duplicate_of": url, "source_key": None},
        {"id": url, "duplicate_of": None, "source_key": "k"},
    ]
    assert one(db, "select count(*) from failures") == 0
    told = one(db, f"select title || (provenance->>'uploader') from videos where id = {url}")
    assert told == "caf\ufffdRen\ufffd "


def test_a_duplicate_of_what_was_given_up_asks_for_another_try(db: Database, tmp_path: Path) -> None:
    first, second = (submit(db, f"https://example.org/{n}.mp4").video_id for n in "ab")
    with db.transaction() as tx:
        record(tx, 0, [downloaded(first, "a", "0" * 64)])
        tx.execute("update videos set state = 'downloaded' where id = %s", (first,))
        tx.execute(query("announce_videos"), {"kind": "downloaded", "ids": [first]})
    driver, stage = Driver(db, Settings(home=tmp_path)), STAGES["prepare"]
    driver.finish(stage, driver.claim(stage), lambda _: MediaError("broken"))
    assert driver.claim(stage) == []
    with db.transaction() as tx:
        record(tx, 0, [downloaded(second, "b", "0" * 64)])
    assert one(db, f"select duplicate_of from videos where id = {second}") == first
    assert [claim.video_id for claim in driver.claim(stage)] == [first]
