"""What asks S3: a client, and the checksums that S3 will have of a file. It knows no key."""

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from heaters.store.files import CHUNK_BYTES
from heaters.store.objects import Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REQUESTS_AT_ONCE = 8  # a single stream from S3 is far slower than the network


def make_client(endpoint: str, attempts: int) -> "S3Client":
    """A client that speaks to AWS, or to the server at `endpoint`; a request is tried so often."""
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=2 * REQUESTS_AT_ONCE,
        retries={"mode": "standard", "total_max_attempts": attempts},
        # Bucket names as host names need a wildcard DNS entry, which few servers other than AWS's have.
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    session = boto3.Session()
    region = session.region_name or "us-east-1"
    client: S3Client = session.client("s3", endpoint_url=endpoint or None, region_name=region, config=config)
    return client


def in_base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def hashed(key: str, path: Path, part_bytes: int) -> tuple[Stored, str]:
    """One pass over a file: its size and SHA-256, and the checksum that S3 will have for it.

    That is the digest in base64; for an upload in parts, the digest of the parts' digests.
    """
    whole, size_bytes, parts = hashlib.sha256(), 0, b""
    with path.open("rb") as file:
        while True:
            part, taken = hashlib.sha256(), 0
            while taken < part_bytes and (chunk := file.read(min(CHUNK_BYTES, part_bytes - taken))):
                whole.update(chunk)
                part.update(chunk)
                taken += len(chunk)
            if taken:
                parts += part.digest()
            size_bytes += taken
            if taken < part_bytes:
                break
    stored = Stored(key=key, size_bytes=size_bytes, sha256=whole.hexdigest())
    if size_bytes < part_bytes:
        return stored, in_base64(whole.digest())
    return stored, in_base64(hashlib.sha256(parts).digest())
