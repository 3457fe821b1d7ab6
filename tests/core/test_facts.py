"""Bounds on facts as people write them."""

import json

import pytest

from heaters.core.facts import ENDLESS, FACTS, Bound, as_json, parsed
from heaters.errors import UsageError


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("motion>=0.02", Bound(name="motion", low=0.02)),
        (" black_share <= .5 ", Bound(name="black_share", high=0.5)),
        ("loudness_dbfs>=-40", Bound(name="loudness_dbfs", low=-40)),
        ("letterbox=0", Bound(name="letterbox", low=0, high=0)),
        ("sharpness>=1e-3", Bound(name="sharpness", low=0.001)),
    ],
)
def test_bounds(text: str, bound: Bound) -> None:
    assert Bound.parse(text) == bound


@pytest.mark.parametrize("text", ["", "motion", "motion>0", "speed>=1", "motion>=x", "motion>=1.2.3", "motion>=nan"])
def test_what_is_no_bound_fails(text: str) -> None:
    with pytest.raises(UsageError):
        Bound.parse(text)


def test_bounds_as_json_are_in_order_and_finite() -> None:
    some = [Bound(name="motion", low=1), Bound(name="black_share", high=0.5)]
    written = as_json(some)
    assert written is not None
    assert written == as_json(some[::-1])
    assert as_json([]) is None
    assert parsed(["motion>=1", "black_share<=0.5"]) == tuple(some)
    assert json.loads(written)[0] == {"name": "black_share", "low": -ENDLESS, "high": 0.5}
    with pytest.raises(UsageError, match="low ≤ high"):
        Bound(name="motion", low=2, high=1)


def test_every_fact_says_what_it_is() -> None:
    assert all(FACTS.values())
