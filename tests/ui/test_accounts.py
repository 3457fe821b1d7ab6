"""The file of users."""

from pathlib import Path

import pytest

from heaters.errors import ConfigError, UsageError
from ui.accounts import Accounts, Role, read


def test_users_come_and_go(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "users")
    assert accounts.current() == {}
    accounts.put("Ann B", Role.OPERATOR, "long enough it is")
    accounts.put("ben", Role.REVIEWER, "this one as well")
    assert (tmp_path / "users").stat().st_mode & 0o077 == 0
    assert "long enough" not in (tmp_path / "users").read_text()
    found = Accounts(tmp_path / "users").verify("Ann B", "long enough it is")
    assert found is not None
    assert (found.user.name, found.user.is_operator) == ("Ann B", True)
    assert accounts.verify("Ann B", "this one as well") is None
    assert accounts.verify("nobody", "long enough it is") is None
    accounts.remove("ben")
    assert list(accounts.current()) == ["Ann B"]


def test_users_fail(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "users")
    with pytest.raises(UsageError, match="at least 10"):
        accounts.put("ann", Role.REVIEWER, "short")
    for name in ("a:b", "", " ann", "a/b", "a\nb", "x" * 65):
        with pytest.raises(ConfigError, match="name"):
            accounts.put(name, Role.REVIEWER, "long enough it is")
    with pytest.raises(UsageError, match="no user"):
        accounts.remove("ann")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("ann:owner:$argon2id$x", "line 1"),
        ("ann", "line 1"),
        ("# a comment\n\nann:reviewer:plain", "argon2"),
        ("ann:reviewer:$argon2id$x\nann:operator:$argon2id$x", "twice"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, text: str, rule: str) -> None:
    (tmp_path / "users").write_text(text)
    with pytest.raises(ConfigError, match=rule):
        read(tmp_path / "users")
