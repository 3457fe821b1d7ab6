"""What an S3 bucket does by itself under our prefix: uploads that never ended go, large objects grow cold.

A bucket has one set of rules: those of others are kept as they are, ours are known by their ids.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from heaters.errors import StoreError
from heaters.store.objects import SMALLEST_COLD_BYTES

if TYPE_CHECKING:
    from heaters.store.objects_s3 import S3Store

ABANDONED_DAYS = 7  # parts of an upload that never ended cost as much as objects, and no listing shows them


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of a bucket: `ours` as they should be, `others` as they are. `current`: nothing has to change."""

    ours: list[dict[str, Any]]
    others: list[dict[str, Any]]
    current: bool


def read(store: "S3Store", cold: str) -> Rules:
    """What stands in the bucket, and what should: `cold` is as in HEATERS_S3_COLD. Raises StoreError."""
    ours = wanted(store.prefix, cold)
    try:
        there: list[Any] = list(store.client.get_bucket_lifecycle_configuration(Bucket=store.bucket).get("Rules", []))
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchLifecycleConfiguration":
            raise StoreError(f"could not read the lifecycle rules of {store.bucket}: {error}") from error
        there = []
    except BotoCoreError as error:
        raise StoreError(f"could not read the lifecycle rules of {store.bucket}: {error}") from error
    mine = [rule for rule in there if str(rule.get("ID", "")).startswith(_id(store.prefix, ""))]
    return Rules(ours=ours, others=[rule for rule in there if rule not in mine], current=_same(mine, ours))


def apply(store: "S3Store", rules: Rules) -> None:
    """Put our rules into the bucket beside those of others. Raises StoreError."""
    everything: Any = {"Rules": [*rules.others, *rules.ours]}
    try:
        store.client.put_bucket_lifecycle_configuration(Bucket=store.bucket, LifecycleConfiguration=everything)
    except (BotoCoreError, ClientError) as error:
        raise StoreError(f"could not set the lifecycle rules of {store.bucket}: {error}") from error


def wanted(prefix: str, cold: str) -> list[dict[str, Any]]:
    """Our rules for a prefix, as boto3 takes them."""
    rules: list[dict[str, Any]] = [
        {
            "ID": _id(prefix, "uploads"),
            "Status": "Enabled",
            "Filter": {"Prefix": prefix},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABANDONED_DAYS},
        }
    ]
    if cold:
        name, _, days = cold.partition(":")
        rules.append(
            {
                "ID": _id(prefix, "cold"),
                "Status": "Enabled",
                "Filter": {"Prefix": prefix},  # S3 itself leaves objects below 128 KiB where they are
                "Transitions": [{"Days": int(days), "StorageClass": name}],
            }
        )
    return rules


def line(rule: dict[str, Any]) -> str:
    """A rule of ours in a few words."""
    if "Transitions" in rule:
        move = rule["Transitions"][0]
        large = f"objects of {SMALLEST_COLD_BYTES // 1024} KiB and more"
        return f"{large} go to {move['StorageClass']} after {move['Days']} days"
    return f"uploads that never ended go after {ABANDONED_DAYS} days"


def _id(prefix: str, name: str) -> str:
    return f"heaters:{prefix}:{name}"


def _same(mine: list[dict[str, Any]], ours: list[dict[str, Any]]) -> bool:
    def by_id(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(({k: v for k, v in rule.items() if k != "Prefix"} for rule in rules), key=lambda rule: rule["ID"])

    return by_id(mine) == by_id(ours)
