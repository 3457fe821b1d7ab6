"""The download stage on sources other than files: an object in S3, and what is recorded of a web page's formats."""

import hashlib
from pathlib import Path

import boto3
import pytest
from shots import write_film

from heaters.errors import SourceRefused
from heaters.media.fetched import Fetched
from heaters.settings import Settings
from heaters.stages.base import Context
from heaters.stages.download import Input, Worker, provenance
from heaters.store.objects import open_store


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
