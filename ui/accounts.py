"""Who may enter: the file of users with their roles and hashed passwords. It does not know requests or sessions.

One line a user, `name:role:argon2 hash`; made by `heaters users add NAME`, readable by its owner alone.
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from heaters.errors import ConfigError, UsageError
from heaters.settings import Settings
from heaters.store.files import beside

SHORTEST_PASSWORD = 10
# Two verifications at once: each takes about 64 MiB and a core for tens of milliseconds.
_VERIFYING = threading.BoundedSemaphore(2)

_NAME = re.compile(r"[^\s:/\\][^:/\\\x00-\x1f]{0,63}")


class Role(StrEnum):
    """What a person may do: reviewers decide clips; operators also submit, retry and see every run."""

    REVIEWER = "reviewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person as the application knows them: `name` stands in the log of review."""

    name: str
    role: Role

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def is_operator(self) -> bool:
        """Whether they may submit and retry."""
        return self.role is Role.OPERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One line of the file."""

    user: User
    password_hash: str

    def __post_init__(self) -> None:
        if not self.password_hash.startswith("$argon2"):
            raise ConfigError(f"the user {self.user.name} has no argon2 hash; `heaters users add` makes one")


def check_name(name: str) -> str:
    """The name itself. Raises ConfigError for one that cannot stand in the file."""
    if not _NAME.fullmatch(name) or name != name.strip():
        raise ConfigError(
            f"a user's name is 1 to 64 characters without ':', '/', '\\' and control characters; got {name!r}"
        )
    return name


class Accounts:
    """The users of the file at `path`, read again when the file changes. Without a file there are none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[tuple[int, int, int] | None, Mapping[str, Account]] = (None, {})
        self._nobody = PasswordHasher().hash("nobody")
        self.current()

    @classmethod
    def of(cls, settings: Settings) -> "Accounts":
        """The accounts that the settings name."""
        return cls(settings.users_file)

    def current(self) -> Mapping[str, Account]:
        """The accounts by name. Raises ConfigError naming the line for a file that cannot be read."""
        try:
            facts = self.path.stat()
        except FileNotFoundError:
            self._read = (None, {})
            return {}
        except OSError as error:
            raise ConfigError(f"the file of users {self.path} cannot be read: {error.strerror}") from error
        stamp = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        if self._read[0] != stamp:
            self._read = (stamp, read(self.path))
        return self._read[1]

    def verify(self, name: str, password: str) -> Account | None:
        """The account when the password is right. Takes as long for a name that is not there."""
        account = self.current().get(name)
        with _VERIFYING:
            try:
                PasswordHasher().verify(account.password_hash if account else self._nobody, password)
            except (Argon2Error, InvalidHashError):
                return None
        return account

    def put(self, name: str, role: Role, password: str) -> None:
        """Add a user, or give one another role and password."""
        if len(password) < SHORTEST_PASSWORD:
            raise UsageError(f"a password has at least {SHORTEST_PASSWORD} characters; got {len(password)}")
        account = Account(user=User(name=name, role=role), password_hash=PasswordHasher().hash(password))
        self._write({**self.current(), name: account})

    def remove(self, name: str) -> None:
        """Take a user away. Raises UsageError for one who is not there."""
        left = dict(self.current())
        if left.pop(name, None) is None:
            raise UsageError(f"there is no user {name!r} in {self.path}")
        self._write(left)

    def _write(self, accounts: Mapping[str, Account]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with beside(self.path) as partial:
            partial.touch(mode=0o600)
            partial.write_text(
                "".join(f"{a.user.name}:{a.user.role}:{a.password_hash}\n" for a in accounts.values()), encoding="utf-8"
            )
            partial.replace(self.path)


def read(path: Path) -> dict[str, Account]:
    """The accounts of a file by name. Raises ConfigError naming file, line and rule."""
    found: dict[str, Account] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the file of users {path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        role, _, password_hash = rest.partition(":")
        if role not in set(Role):
            raise ConfigError(f"{path}, line {number}: a line is name:role:hash, the role one of {', '.join(Role)}")
        if name in found:
            raise ConfigError(f"{path}, line {number}: {name} stands twice")
        found[name] = Account(user=User(name=name, role=Role(role)), password_hash=password_hash.strip())
    return found
