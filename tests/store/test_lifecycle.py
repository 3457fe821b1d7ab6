"""What a bucket is told to do by itself: our rules, beside those of others."""

from pathlib import Path
from typing import Any

import pytest
from command import Heaters

from heaters import settings
from heaters.errors import ConfigError, StoreError
from heaters.store import lifecycle
from heaters.store.objects_s3 import S3Store

THEIRS = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 9}}


@pytest.fixture
def store(s3_endpoint: str, s3_location: str) -> S3Store:
    return S3Store(s3_location, endpoint=s3_endpoint)


def rules_of(store: S3Store) -> dict[str, Any]:
    answer = store.client.get_bucket_lifecycle_configuration(Bucket=store.bucket)
    return {rule["ID"]: rule for rule in answer["Rules"]}


def test_our_rules_are_set_beside_those_of_others(store: S3Store) -> None:
    theirs: Any = {"Rules": [THEIRS]}
    store.client.put_bucket_lifecycle_configuration(Bucket=store.bucket, LifecycleConfiguration=theirs)
    before = lifecycle.read(store, "STANDARD_IA:30")
    assert (before.current, before.others) == (False, [THEIRS])
    lifecycle.apply(store, before)
    assert lifecycle.read(store, "STANDARD_IA:30").current
    found = rules_of(store)
    assert found.keys() == {"logs", "heaters:some/prefix/:uploads", "heaters:some/prefix/:cold"}
    assert found["logs"] == THEIRS
    cold = found["heaters:some/prefix/:cold"]
    assert cold["Transitions"] == [{"Days": 30, "StorageClass": "STANDARD_IA"}]
    assert cold["Filter"] == {"Prefix": "some/prefix/"}

    other = lifecycle.read(store, "GLACIER_IR:0")  # another wish: not what stands there
    assert not other.current
    lifecycle.apply(store, lifecycle.read(store, ""))
    assert rules_of(store).keys() == {"logs", "heaters:some/prefix/:uploads"}
    assert lifecycle.read(store, "").current


def test_a_bucket_that_is_not_there_is_named(s3_endpoint: str) -> None:
    store = S3Store("s3://no-such-bucket/x", endpoint=s3_endpoint)
    with pytest.raises(StoreError, match="no-such-bucket"):
        lifecycle.read(store, "")


def test_the_command_shows_and_then_sets(s3_endpoint: str, s3_location: str) -> None:
    where = {"HEATERS_STORE": s3_location, "HEATERS_S3_ENDPOINT": s3_endpoint}
    heaters = Heaters({**where, "HEATERS_S3_COLD": "GLACIER_IR:90"})
    shown = heaters("lifecycle")
    assert (shown.code, "not set; --apply sets them" in shown.out + shown.err) == (0, True), shown.err
    assert not heaters("lifecycle", "--json").json["current"]
    assert heaters("lifecycle", "--apply").code == 0
    again = heaters("lifecycle", "--json").json
    assert (again["current"], again["others"], len(again["rules"])) == (True, 0, 2)


def test_a_folder_has_no_rules(tmp_path: Path) -> None:
    answer = Heaters({"HEATERS_HOME": str(tmp_path)})("lifecycle")
    assert (answer.code, "only a bucket has lifecycle rules" in answer.err) == (2, True), answer.err


@pytest.mark.parametrize("text", ["STANDARD_IA:7", "DEEP_ARCHIVE:90", "STANDARD_IA", "GLACIER_IR:x", "STANDARD:30"])
def test_what_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="HEATERS_S3_COLD must be CLASS:DAYS"):
        settings.load({"HEATERS_S3_COLD": text})
