"""A query that cannot be meant cannot be made; a cursor that was not given is not taken."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heaters.errors import UsageError
from heaters.search import Filters, Query, Term
from heaters.search.cursor import Cursor, decode

CURSOR = Cursor(
    model="axes@1",
    strategy="single",
    fingerprint="f" * 16,
    distance=0.1 + 0.2,
    tied=(3, 4),
    shown=12,
    direction=np.linspace(-1, 1, 512).astype(np.float16),
)


@pytest.mark.parametrize("k", [0, -1, 1001])
def test_impossible_k_is_refused(k: int) -> None:
    with pytest.raises(UsageError, match="k must be 1 to 1000"):
        Query(terms=(Term.text("a"),), k=k)


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_a_text_has_a_letter(text: str) -> None:
    with pytest.raises(UsageError, match="at least one letter"):
        Term.text(text)


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: Term.text("x" * 2001), "at most 2000 characters"),
        (lambda: Term.clip(0), "positive whole number"),
        (lambda: Term.clip(2**63), "positive whole number"),
        (lambda: Term.clip(True), "positive whole number"),
        (lambda: Term.text("a", weight=float("nan")), "weight"),
        (lambda: Filters(states=("done",)), "a state is one of pending_review, .*'done'"),
        (lambda: Filters(min_seconds=-1), "from 0; got -1"),
        (lambda: Filters(min_seconds=2, max_seconds=2), r"must not be empty; got \[2, 2\)"),
        (lambda: Filters(created_since=datetime(2026, 2, 1), created_until=datetime(2026, 1, 1)), "creation time"),
        (lambda: Filters(videos=(0,)), "video's id"),
        (lambda: Filters(videos=tuple(range(1, 10_002))), "at most 10000 videos"),
        (lambda: Query(terms=(Term.text("a"),), collapse=0.0), r"cosine in \(0, 1\]"),
        (lambda: Query(terms=(Term.text("a"),), exclude=(-1,)), "clip's id"),
    ],
)
def test_what_cannot_be_meant_is_refused(make, rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        make()


def test_a_file_must_be_a_picture(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_text("no picture")
    for path in (tmp_path / "x.jpg", tmp_path / "none.jpg", tmp_path):
        with pytest.raises(UsageError, match="must be a picture"):
            Term.image(path)


def test_a_fingerprint_is_of_the_answer_not_of_the_page() -> None:
    query = Query(terms=(Term.text("a"), Term.image(Image.new("RGB", (2, 2)))), k=5)
    same = replace(query, k=7, cursor="x", model="m", strategy="single")
    assert query.fingerprint() == same.fingerprint()
    others = [
        replace(query, terms=query.terms[:1]),
        replace(query, terms=(*query.terms[:1], Term.image(Image.new("RGB", (2, 2), (1, 0, 0))))),
        replace(query, filters=Filters(videos=(1,))),
        replace(query, collapse=0.9),
        replace(query, exclude=(1,)),
        replace(query, exact=True),
    ]
    assert len({one.fingerprint() for one in [query, *others]}) == 7


def test_a_cursor_comes_back_exactly() -> None:
    text = CURSOR.encode()
    assert len(text) < 2000
    back = decode(text, CURSOR.fingerprint)
    assert back.distance == CURSOR.distance
    assert (back.model, back.strategy, back.tied, back.shown) == ("axes@1", "single", (3, 4), 12)
    np.testing.assert_array_equal(back.direction, CURSOR.direction)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a" * 40_000,
        "äöü",
        "AAAA",
        CURSOR.encode()[:-8],
        CURSOR.encode()[:40] + "AAAA" + CURSOR.encode()[44:],
        replace(CURSOR, direction=np.full(4, np.nan, np.float16)).encode(),
        replace(CURSOR, direction=np.zeros(0, np.float16)).encode(),
        replace(CURSOR, distance=float("inf")).encode(),
        replace(CURSOR, shown=-1).encode(),
        replace(CURSOR, tied="ab").encode(),
        replace(CURSOR, model=3).encode(),
    ],
)
def test_anything_else_is_no_cursor(text: str) -> None:
    with pytest.raises(UsageError, match="a cursor is the `next` of a page"):
        decode(text, CURSOR.fingerprint)


def test_a_cursor_belongs_to_its_query() -> None:
    with pytest.raises(UsageError, match="this one belongs to another query"):
        decode(CURSOR.encode(), "0" * 16)
