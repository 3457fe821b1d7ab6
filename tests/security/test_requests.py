"""Requests that no page sends: no 5xx, and nobody is kept out by somebody else (issue 19, 9 and 12)."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from client import PASSWORDS, client
from served import Site

BROKEN = [
    ("GET", "/api/status/videos?words=%00", None),
    ("GET", "/api/status/failures?stage=%00&dead=true&error_type=x", None),
    ("GET", "/api/status/failures?stage=embed&dead=true&error_type=%00", None),
    ("GET", "/api/query/videos?words=a%00", None),
    ("GET", "/api/query/clips?cursor=" + "9" * 5000, None),
    ("GET", "/pwa_icon/192", None),
    ("GET", "/api/status/videos?words=%ff%fe", None),
    (
        "POST",
        "/api/submit/check",
        b'{"lines": ["\\ud800", "https://e.org/\\ud800", "/a\\u0000b", "https://e.org/\\u0000"]}',
    ),
    ("POST", "/api/submit/sources", b'{"lines": ["\\ud800", "https://e.org/\\ud800", "https://e.org/\\u0000"]}'),
    ("POST", "/api/submit/manifest", b'{"name": "a.jsonl", "text": "' + b"[" * 200_000 + b'"}'),
    ("POST", "/api/submit/manifest", b'{"name": "a.csv", "text": "url\\n' + b"x" * 200_000 + b'"}'),
    ("POST", "/api/status/retry", b'{"error_type": "\\u0000"}'),
    ("POST", "/api/status/retry", b"[" * 100_000),
]


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_a_broken_request_is_refused_and_fails_nothing(operator: httpx.Client, number: int) -> None:
    method, path, body = BROKEN[number]
    headers = {"content-type": "application/json"} if body else {}
    answer = operator.request(method, path, content=body, headers=headers)
    assert answer.status_code < 500, answer.text
    assert operator.get("/healthz").status_code == 200


def test_wrong_passwords_lock_nobody_else_out(guarded: Site) -> None:
    with client(guarded, address="127.0.0.2") as guesser:
        codes = [guesser.post("/login", json={"name": "ann", "password": f"wrong {n}"}).status_code for n in range(8)]
    assert codes[-1] == 429
    with client(guarded, address="127.0.0.3") as owner:
        assert owner.post("/login", json={"name": "ann", "password": PASSWORDS["ann"]}).status_code == 200


def test_many_guesses_at_once_are_not_all_free(guarded: Site) -> None:
    with client(guarded, address="127.0.0.4") as guesser, ThreadPoolExecutor(20) as pool:
        wrong = {"name": "ben", "password": "wrong wrong"}
        codes = list(pool.map(lambda _: guesser.post("/login", json=wrong).status_code, range(40)))
    assert codes.count(401) <= 8, codes
