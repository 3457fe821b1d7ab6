"""Splits: one place for a source for ever, shares as asked, refusals."""

import hashlib
from collections import Counter
from fractions import Fraction

import pytest

from heaters.core.splits import Splits
from heaters.errors import RuleError

HASHES = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(20_000)]


def test_shares_are_as_asked() -> None:
    splits = Splits.parse("train=0.8,validation=0.1,test=0.1")
    counts = Counter(map(splits.of, HASHES))
    assert counts["train"] / len(HASHES) == pytest.approx(0.8, abs=0.01)
    assert counts["test"] / len(HASHES) == pytest.approx(0.1, abs=0.01)


def test_known_sources_stay_where_they_are() -> None:
    # Datasets that people have made rest on this: a change here would move test films into training.
    splits = Splits.parse("train=0.5,test=0.5")
    assert [splits.of(value) for value in HASHES[:8]] == [
        "train" if int(hashlib.sha256(f":{value}".encode()).hexdigest()[:16], 16) < 2**63 else "test"
        for value in HASHES[:8]
    ]


def test_a_seed_deals_anew() -> None:
    one, two = Splits.parse("a=1,b=1"), Splits.parse("a=1,b=1", seed="x")
    differing = sum(one.of(value) != two.of(value) for value in HASHES)
    assert 0.45 < differing / len(HASHES) < 0.55


def test_weights_and_names() -> None:
    splits = Splits.parse("train=8, test=2")
    assert splits.shares == (("train", Fraction(4, 5)), ("test", Fraction(1, 5)))
    assert Splits.parse("all").of(HASHES[0]) == "all"
    assert str(splits) == "train=4/5, test=1/5"


@pytest.mark.parametrize("text", ["", "train=0", "train=-1,test=2", "Train=1", "a=x", "a=1/0", "../a=1", "a=1,=1"])
def test_splits_that_cannot_be_fail(text: str) -> None:
    with pytest.raises(RuleError):
        Splits.parse(text)
