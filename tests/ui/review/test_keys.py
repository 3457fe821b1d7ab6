"""The key table: no key twice, every command known to the page."""

import re
from collections import Counter

import pytest

from heaters.errors import RuleError
from ui import assets
from ui.review.keys import KEYS, Key, table


def test_no_key_means_two_things() -> None:
    assert max(Counter(key for row in KEYS for key in row.keys).values()) == 1
    assert max(Counter(row.command for row in KEYS).values()) == 1


def test_the_page_does_every_command_and_no_other() -> None:
    work = assets.text("review/commands.js").split("this.work = {")[1].split("\n    };")[0]
    done = set(re.findall(r"^      (\w+): ", work, re.MULTILINE))
    assert done == {row["command"] for row in table()}


def test_nothing_in_the_table_or_the_markup_is_a_template() -> None:
    text = assets.text("review/review.html") + assets.text("review/review.css")
    assert "${" not in text
    assert "{{" not in text


@pytest.mark.parametrize("keys", [(), ("A",)])
def test_a_wrong_key_cannot_be(keys: tuple[str, ...]) -> None:
    with pytest.raises(RuleError, match="letters in lower case"):
        Key(command="x", keys=keys, does="x", group="x")
