"""What only S3 can suffer: parts, servers that are away or say no, objects that somebody else put there."""

import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from flaky import Trouble, proxy

from heaters.errors import StoreError
from heaters.store import objects_s3
from heaters.store.objects import SMALLEST_COLD_BYTES
from heaters.store.objects_s3 import S3Store

PART_BYTES = 5 * 2**20  # the smallest that S3 takes


@pytest.fixture
def client(s3_endpoint: str) -> Any:
    return boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")


@pytest.mark.parametrize("size_bytes", [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 77])
def test_large_files_go_in_parts(
    s3_endpoint: str, s3_location: str, client: Any, tmp_path: Path, size_bytes: int
) -> None:
    store = S3Store(s3_location, endpoint=s3_endpoint, part_bytes=PART_BYTES)
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size_bytes))
    moved: list[int] = []
    put = store.put_file("large", path, progress=moved.append)
    assert put.size_bytes == sum(moved) == size_bytes
    head = client.head_object(Bucket=store.bucket, Key="some/prefix/large", ChecksumMode="ENABLED")
    assert ("-" in head["ETag"]) == (size_bytes >= PART_BYTES)
    assert store.fetch("large", tmp_path / "copy") == put
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()


def test_keys_lie_under_the_prefix(s3_endpoint: str, s3_location: str, client: Any) -> None:
    bucket = urlsplit(s3_location).netloc
    S3Store(s3_location + "/", endpoint=s3_endpoint).put_bytes("a", b"1")
    S3Store(f"s3://{bucket}", endpoint=s3_endpoint).put_bytes("b", b"2")
    keys = [found["Key"] for found in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["b", "some/prefix/a"]


def test_more_objects_than_one_request_takes(
    s3_endpoint: str, s3_location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects_s3, "DELETES_AT_ONCE", 3)
    store = S3Store(s3_location, endpoint=s3_endpoint)
    keys = [f"{n:02d}" for n in range(10)]
    for key in keys:
        store.put_bytes(key, b"x")
    assert store.delete([*keys, "nothing"]) == 10
    assert list(store.list()) == []


def test_an_object_of_somebody_else_is_hashed(s3_endpoint: str, s3_location: str, client: Any) -> None:
    store = S3Store(s3_location, endpoint=s3_endpoint)
    client.put_object(Bucket=store.bucket, Key="some/prefix/a", Body=b"hello")
    there = store.stat("a")
    assert there is not None
    assert there.sha256.startswith("2cf24dba5fb0a30e")
    assert store.read("a") == b"hello"


def test_sweep_ends_abandoned_uploads(s3_endpoint: str, s3_location: str, client: Any) -> None:
    store = S3Store(s3_location, endpoint=s3_endpoint)
    for key in ("some/prefix/a", "elsewhere"):
        client.create_multipart_upload(Bucket=store.bucket, Key=key)
    century = 100 * 365 * 86_400.0  # moto dates every upload to 2010
    assert store.sweep(century) == 0
    assert store.sweep(3600) == 1
    assert [upload["Key"] for upload in client.list_multipart_uploads(Bucket=store.bucket)["Uploads"]] == ["elsewhere"]


def test_a_bucket_that_is_not_there_is_named(s3_endpoint: str, tmp_path: Path) -> None:
    store = S3Store("s3://no-such-bucket/x", endpoint=s3_endpoint)
    (tmp_path / "file").write_bytes(b"1")
    with pytest.raises(StoreError, match=r"could not store a in s3://no-such-bucket/x: .*NoSuchBucket"):
        store.put_file("a", tmp_path / "file")
    with pytest.raises(StoreError, match=r"could not list .*NoSuchBucket"):
        list(store.list())


def test_a_server_that_is_away_is_named(s3_location: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(StoreError, match=r"could not look up a in s3://.* Could not connect"):
        S3Store(s3_location, endpoint=endpoint, attempts=2).stat("a")


def test_large_files_get_the_storage_class(s3_endpoint: str, s3_location: str, client: Any, tmp_path: Path) -> None:
    store = S3Store(s3_location, endpoint=s3_endpoint, storage_class="STANDARD_IA")
    for name, size in (("small", SMALLEST_COLD_BYTES - 1), ("large", SMALLEST_COLD_BYTES)):
        (tmp_path / name).write_bytes(bytes(size))
        store.put_file(name, tmp_path / name)
        assert store.read(name) == bytes(size)
    store.put_bytes("bytes", b"1")
    listed = client.list_objects_v2(Bucket=store.bucket)["Contents"]
    classes = {found["Key"].rpartition("/")[2]: found["StorageClass"] for found in listed}
    assert classes == {"small": "STANDARD", "large": "STANDARD_IA", "bytes": "STANDARD"}


class CutOff(Trouble):
    """So many bodies end half-way before one comes whole."""

    def next(self, method: str) -> str:
        if method != "GET" or self.seen == self.every:
            return ""
        self.seen += 1
        return "truncated"


def test_a_body_that_ends_half_way_is_asked_for_again(s3_endpoint: str, s3_location: str) -> None:
    S3Store(s3_location, endpoint=s3_endpoint).put_bytes("a", b"hello" * 100)
    for often in (objects_s3.BODY_ATTEMPTS - 1, objects_s3.BODY_ATTEMPTS):
        trouble = CutOff(every=often)
        with proxy(s3_endpoint, trouble) as address:
            store = S3Store(s3_location, endpoint=address)
            if often < objects_s3.BODY_ATTEMPTS:
                assert store.read("a") == b"hello" * 100
            else:
                with pytest.raises(StoreError, match="could not read a"):
                    store.read("a")
        assert trouble.seen == often


def test_uploads_that_go_on_end_with_their_folder(s3_location: str, s3_endpoint: str) -> None:
    store = S3Store(s3_location, endpoint=s3_endpoint)
    for key in ("videos/a/source.mp4", "videos/ab/source.mp4"):
        store.client.create_multipart_upload(Bucket=store.bucket, Key=store.prefix + key)
    store.put_bytes("videos/a/pts.npy", b"x")
    assert store.delete_under("videos/a/").objects == 1
    left = store.client.list_multipart_uploads(Bucket=store.bucket)["Uploads"]
    assert [upload["Key"] for upload in left] == [f"{store.prefix}videos/ab/source.mp4"]
