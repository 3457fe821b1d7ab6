"""Bounds on facts as people write them."""

import pytest

from heaters.core.facts import FACTS, Bound, as_text, parsed
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


def test_bounds_as_text_are_in_an_order_of_their_own_and_read_back() -> None:
    some = [
        Bound(name="motion", low=0.02, high=1),
        Bound(name="black_share", high=0.5),
        Bound(name="letterbox", low=0, high=0),
    ]
    written = as_text(some)
    assert written == as_text(some[::-1]) == "black_share<=0.5, letterbox=0, motion>=0.02, motion<=1"
    assert parsed(written.split(",")) == (
        Bound(name="black_share", high=0.5),
        Bound(name="letterbox", low=0, high=0),
        Bound(name="motion", low=0.02),
        Bound(name="motion", high=1),
    )
    assert as_text([]) == ""
    assert as_text([Bound(name="motion", low=0.0123456)]) != as_text([Bound(name="motion", low=0.01234561)])


def test_an_empty_range_is_no_bound() -> None:
    with pytest.raises(UsageError, match="low ≤ high"):
        Bound(name="motion", low=2, high=1)


def test_every_fact_says_what_it_is() -> None:
    assert all(FACTS.values())
