"""The object store in S3 or whatever speaks it. Credentials and region come the usual ways (AWS_*, files, roles)."""

import contextlib
import hashlib
import itertools
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from heaters.errors import IntegrityError, StoreError
from heaters.store.files import CHUNK_BYTES, beside, disk_errors, sha256_of, verify
from heaters.store.objects import (
    DELETE_ROUNDS,
    SMALLEST_COLD_BYTES,
    STREAM_BYTES,
    Deleted,
    Entry,
    Progress,
    Stored,
    check_folder,
    check_key,
    still_there,
)
from heaters.store.s3_client import REQUESTS_AT_ONCE, hashed, in_base64, make_client

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

PART_BYTES = 64 * 2**20  # 10,000 parts are allowed: 625 GiB, above the largest source
DELETES_AT_ONCE = 1000  # the most that one request takes
BODY_ATTEMPTS = 5  # as boto3 has for the bodies of files
CUT_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
ATTEMPTS = 8  # the standard mode backs off to 20 s: about a minute of trouble


class S3Store:
    """An `ObjectStore` in a bucket, under a prefix. Larger files than `part_bytes` go in parts, several at once."""

    def __init__(
        self,
        location: str,
        *,
        endpoint: str = "",
        storage_class: str = "",
        part_bytes: int = PART_BYTES,
        attempts: int = ATTEMPTS,
    ) -> None:
        parts = urlsplit(location)
        self.location = location
        self.bucket = parts.netloc
        self.prefix = parts.path.strip("/") + "/" if parts.path.strip("/") else ""
        self._part_bytes = part_bytes
        self._transfer = TransferConfig(
            multipart_threshold=part_bytes, multipart_chunksize=part_bytes, max_concurrency=REQUESTS_AT_ONCE
        )
        self._storage_class = storage_class
        self.client = make_client(endpoint, attempts)

    def put_file(self, key: str, path: Path, *, progress: Progress | None = None) -> Stored:
        with disk_errors("read the file for", key, path.parent):
            stored, checksum = hashed(check_key(key), path, self._part_bytes)
        with self._errors("store", key):
            if self.stat(key) == stored:
                return stored
            extra: dict[str, Any] = {"Metadata": {"sha256": stored.sha256}, "ChecksumAlgorithm": "SHA256"}
            if self._storage_class and stored.size_bytes >= SMALLEST_COLD_BYTES:
                extra["StorageClass"] = self._storage_class
            with disk_errors("read the file for", key, path.parent):
                self.client.upload_file(
                    str(path), self.bucket, self.prefix + key, ExtraArgs=extra, Callback=progress, Config=self._transfer
                )
            self._verify(stored, checksum)
        return stored

    def put_bytes(self, key: str, data: bytes) -> Stored:
        digest = hashlib.sha256(data)
        stored = Stored(key=check_key(key), size_bytes=len(data), sha256=digest.hexdigest())
        with self._errors("store", key):
            if self.stat(key) != stored:
                self.client.put_object(
                    Bucket=self.bucket,
                    Key=self.prefix + key,
                    Body=data,
                    Metadata={"sha256": stored.sha256},
                    ChecksumSHA256=in_base64(digest.digest()),  # the server refuses other bytes
                )
                self._verify(stored, in_base64(digest.digest()))
        return stored

    def fetch(self, key: str, path: Path, *, progress: Progress | None = None) -> Stored:
        there = self._existing(key)
        with self._errors("fetch", key), disk_errors("fetch", key, path.parent), beside(path) as partial:
            self.client.download_file(
                self.bucket, self.prefix + key, str(partial), Callback=progress, Config=self._transfer
            )
            verify(Stored(key=key, size_bytes=partial.stat().st_size, sha256=sha256_of(partial)), there)
            partial.replace(path)
        return there

    def read(self, key: str) -> bytes:
        there = self._existing(key)
        with self._errors("read", key):
            data = self._body(key)
        verify(Stored(key=key, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest()), there)
        return data

    def stat(self, key: str) -> Stored | None:
        with self._errors("look up", key):
            head = self._head(check_key(key))
            if head is None:
                return None
            sha256 = head["Metadata"].get("sha256") or self._hash_remote(key)  # put there by somebody else
            return Stored(key=key, size_bytes=head["ContentLength"], sha256=sha256)

    def delete(self, keys: Iterable[str]) -> int:
        freed = 0
        pending = iter(keys)
        while batch := list(itertools.islice(pending, DELETES_AT_ONCE)):
            with self._errors("delete", batch[0]):
                with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
                    heads = pool.map(self._head, map(check_key, batch))
                    there = {key: head["ContentLength"] for key, head in zip(batch, heads, strict=True) if head}
                if not there:
                    continue
                self._delete(list(there))
                freed += sum(there.values())
        return freed

    def delete_under(self, prefix: str) -> Deleted:
        deleted = Deleted()
        with self._errors("delete", check_folder(prefix)):
            self._end_uploads(prefix)
            for _ in range(DELETE_ROUNDS):
                found = self.list(prefix)  # which tells the sizes, so that objects are not asked for one by one
                is_empty = True
                while batch := list(itertools.islice(found, DELETES_AT_ONCE)):
                    is_empty = False
                    self._delete([entry.key for entry in batch])
                    deleted += Deleted(objects=len(batch), size_bytes=sum(entry.size_bytes for entry in batch))
                    key = batch[0].key
                if is_empty:
                    return deleted
        raise still_there(prefix, self.location, key)

    def _delete(self, keys: Sequence[str]) -> None:
        """Delete at most DELETES_AT_ONCE objects."""
        objects: Any = [{"Key": self.prefix + key} for key in keys]
        answer = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
        for refused in answer.get("Errors", []):
            raise StoreError(f"could not delete {refused.get('Key')} from {self.location}: {refused.get('Message')}")

    def _end_uploads(self, prefix: str) -> None:
        """End the uploads under `prefix` that are going on: whoever still sends parts is refused."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, Prefix=self.prefix + prefix
        )
        for page in pages:
            for upload in page.get("Uploads", []):
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    def list(self, prefix: str = "") -> Iterator[Entry]:
        with self._errors("list", prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix + prefix
            )
            for page in pages:
                for found in page.get("Contents", []):
                    yield Entry(
                        key=found["Key"].removeprefix(self.prefix),
                        size_bytes=found["Size"],
                        modified_at=found["LastModified"].timestamp(),
                    )

    def stream(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        if start >= stop:
            return
        wanted = f"bytes={start}-{stop - 1}"
        with self._errors("read", key):
            body = self.client.get_object(Bucket=self.bucket, Key=self.prefix + check_key(key), Range=wanted)["Body"]
            with contextlib.closing(body):
                yield from body.iter_chunks(STREAM_BYTES)

    def url(self, key: str, expires_seconds: int = 3600) -> str:
        with self._errors("sign", key):
            return self.client.generate_presigned_url(
                "get_object", Params={"Bucket": self.bucket, "Key": self.prefix + check_key(key)},
                ExpiresIn=expires_seconds,
            )  # fmt: skip

    def local_path(self, key: str) -> Path | None:
        check_key(key)
        return None

    def sweep(self, older_than_seconds: float) -> int:
        oldest = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
        deleted = 0
        with self._errors("sweep", "uploads"):
            pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=self.prefix)
            for page in pages:
                for upload in page.get("Uploads", []):
                    if upload["Initiated"] < oldest:
                        self.client.abort_multipart_upload(
                            Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                        )
                        deleted += 1
        return deleted

    def check(self) -> None:
        key = f"check/{uuid.uuid4().hex}"
        self.put_bytes(key, b"heaters")
        self.read(key)
        self.delete([key])

    def _existing(self, key: str) -> Stored:
        found = self.stat(key)
        if found is None:
            raise StoreError(f"{key} is not in the store at {self.location}")
        return found

    def _head(self, key: str) -> "HeadObjectOutputTypeDef | None":
        try:
            return self.client.head_object(Bucket=self.bucket, Key=self.prefix + key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey", "NotFound"}:
                return None
            raise

    def _verify(self, stored: Stored, checksum: str) -> None:
        """Compare what the server says it holds; if it keeps no SHA-256, read it all back."""
        head = self._head(stored.key)
        if head is None:
            raise StoreError(f"{stored.key} is not in the store at {self.location} after it was put there")
        if head["Metadata"].get("sha256") != stored.sha256:
            raise StoreError(f"{stored.key} in {self.location} was replaced by another writer at once")
        said = head.get("ChecksumSHA256", "").partition("-")[0]  # behind it, for some, the number of parts
        if said and said != checksum:
            raise IntegrityError(f"{stored.key} in {self.location} must have checksum {checksum}; got {said}")
        sha256 = stored.sha256 if said else self._hash_remote(stored.key)
        verify(Stored(key=stored.key, size_bytes=head["ContentLength"], sha256=sha256), stored)

    def _body(self, key: str) -> bytes:
        """A whole body. For a file boto3 asks again where a body ends half-way; here it would not."""
        for left in reversed(range(BODY_ATTEMPTS)):
            try:
                return self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"].read()
            except CUT_OFF:
                if not left:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _hash_remote(self, key: str) -> str:
        digest = hashlib.sha256()
        body = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"]
        for chunk in body.iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()

    @contextmanager
    def _errors(self, action: str, key: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError, Boto3Error) as error:
            raise StoreError(f"could not {action} {key} in {self.location}: {error}") from error
