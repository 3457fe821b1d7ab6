"""Sources that lie in S3: what is under a prefix, a small file's text, a video as a file here. It writes nothing there.

Keys are whatever their owner chose, unlike those of our own store; a source is s3://bucket/ and the key as it is.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from heaters.errors import FetchError, SourceRefused
from heaters.store.files import CHUNK_BYTES, beside
from heaters.store.objects_s3 import ATTEMPTS
from heaters.store.s3_client import make_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

GONE = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchBucket"})
CLOSED = frozenset({"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


def split(url: str) -> tuple[str, str]:
    """Bucket and key of s3://bucket/key. Raises SourceRefused for anything else."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme.lower() != "s3" or not bucket:
        raise SourceRefused(f"an S3 source is s3://bucket/key; got {url!r}")
    return bucket, key


def listed(url: str, *, endpoint: str) -> Iterator[str]:
    """The sources under a prefix, in the order of their keys, without empty ones and folders."""
    bucket, prefix = split(url)
    with _errors("list", url):
        pages = _client(endpoint).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for found in page.get("Contents", []):
                if found["Size"] and not found["Key"].endswith("/"):
                    yield f"s3://{bucket}/{found['Key']}"


def read(url: str, *, endpoint: str, most_bytes: int) -> bytes:
    """A small file. Raises SourceRefused where it is larger than `most_bytes` or not there."""
    bucket, key = split(url)
    with _errors("read", url):
        body = _client(endpoint).get_object(Bucket=bucket, Key=key)["Body"]
        data = body.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise SourceRefused(f"a manifest has at most {most_bytes} bytes; {url} has more")
    return data


def fetch(url: str, path: Path, *, endpoint: str, most_bytes: int) -> tuple[str, int]:
    """Write an object to a file that appears whole or not at all; returns its SHA-256 and size.

    Raises SourceRefused where it is not there, empty or larger than `most_bytes`, FetchError where S3 fails.
    """
    bucket, key = split(url)
    if not key:
        raise SourceRefused(f"an S3 source names an object; got the bucket {url!r}")
    digest, size_bytes = hashlib.sha256(), 0
    with _errors("fetch", url), beside(path) as partial:
        answer = _client(endpoint).get_object(Bucket=bucket, Key=key)
        stated = answer["ContentLength"]
        if not 0 < stated <= most_bytes:
            rule = f"a source has 1 to {most_bytes} bytes (HEATERS_MAX_SOURCE_GIB)"
            raise SourceRefused(f"{rule}; {url} has {stated}")
        with partial.open("wb") as file:
            for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                digest.update(chunk)
                size_bytes += file.write(chunk)
        if size_bytes != stated:
            raise FetchError(f"{url} has {stated} bytes; {size_bytes} came")
        partial.replace(path)
    return digest.hexdigest(), size_bytes


@cache
def _client(endpoint: str) -> "S3Client":
    """One for each endpoint and process: making one reads credentials and boto3's models anew."""
    return make_client(endpoint, ATTEMPTS)


@contextmanager
def _errors(action: str, url: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response["Error"].get("Code"))
        text = f"could not {action} {url}: {error}"
        raise (SourceRefused(text) if code in GONE | CLOSED else FetchError(text)) from error
    except (BotoCoreError, Boto3Error, OSError) as error:
        raise FetchError(f"could not {action} {url}: {error}") from error
