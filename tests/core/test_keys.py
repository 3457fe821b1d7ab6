"""Object keys: content-addressed, each in one place, nothing foreign in them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaters.core import keys
from heaters.errors import RuleError

HASH = "ab" * 32
WORD = keys.params({"crf": 18})


def test_keys_of_a_video() -> None:
    assert keys.source(HASH, ".MP4") == f"videos/{HASH}/source.mp4"
    assert keys.proxy(HASH, WORD) == f"videos/{HASH}/proxy-{WORD}.mp4"
    assert keys.analysis(HASH, WORD) == f"videos/{HASH}/analysis-{WORD}.rgb"
    assert keys.pts(HASH, WORD) == f"videos/{HASH}/pts-{WORD}.npy"
    assert keys.probabilities(HASH, WORD) == f"videos/{HASH}/cuts-{WORD}.npz"


def test_keys_of_a_clip() -> None:
    assert keys.clip_export(HASH, 0, 40, "source", WORD) == f"clips/{HASH}/00000000-00000040/source-{WORD}.mp4"
    still = keys.keyframe(HASH, 7, 123_456_789, "multi", "50")
    assert still == f"clips/{HASH}/00000007-123456789/keyframes-multi/50.jpg"


@pytest.mark.parametrize("content_hash", ["", "ab" * 31, "AB" * 32, "../" + "a" * 61, HASH + "\n"])
def test_a_key_needs_a_content_hash(content_hash: str) -> None:
    for make in (keys.samples, keys.proxy, keys.analysis, keys.pts, keys.probabilities):
        with pytest.raises(RuleError, match="64 hexadecimal digits"):
            make(content_hash, WORD)
    with pytest.raises(RuleError, match="64 hexadecimal digits"):
        keys.source(content_hash, "mp4")
    with pytest.raises(RuleError, match="64 hexadecimal digits"):
        keys.keyframe(content_hash, 0, 1, "multi", "50")


@pytest.mark.parametrize("extension", ["", "..", "m/4", "mp4\n", "tar.gz", "averylongone", "mp 4", "ä"])
def test_an_unusual_extension_becomes_bin(extension: str) -> None:
    assert keys.source(HASH, extension) == f"videos/{HASH}/source.bin"


@pytest.mark.parametrize("word", ["", "..", "a/b", "A", "a b", ".hidden", "a\n"])
def test_a_key_takes_plain_words_only(word: str) -> None:
    with pytest.raises(RuleError, match="in a key is"):
        keys.proxy(HASH, word)
    with pytest.raises(RuleError, match="in a key is"):
        keys.clip_export(HASH, 0, 1, word, WORD)
    with pytest.raises(RuleError, match="in a key is"):
        keys.keyframe(HASH, 0, 1, "multi", word)


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (3, 3), (4, 3)])
def test_a_clip_key_needs_a_range(start: int, end: int) -> None:
    with pytest.raises(RuleError, match=re.escape(f"got [{start}, {end})")):
        keys.clip_export(HASH, start, end, "source", WORD)


def test_params_do_not_depend_on_order_and_are_words() -> None:
    assert keys.params({"a": 1, "b": [2, "x"]}) == keys.params({"b": [2, "x"], "a": 1})
    assert keys.params({"a": 1}) != keys.params({"a": 2})
    assert re.fullmatch(r"[0-9a-f]{10}", keys.params({}))


@given(st.integers(0, 10**8 - 2), st.integers(0, 10**8 - 2))
def test_clip_keys_sort_in_play_order(a: int, b: int) -> None:
    first, second = (keys.keyframe(HASH, start, start + 1, "multi", "50") for start in (a, b))
    assert (a < b) == (first < second)
