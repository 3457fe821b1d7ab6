"""Runs a command that refuses to be root, PostgreSQL's, without loosening the mode of any folder.

It does not know what the command does. Whoever is not root runs it as oneself.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heaters.errors import ConfigError
from heaters.machine import plain_environment

ACCOUNTS = ("postgres", "nobody")  # the first that exists; nearly every system has the second
TIMEOUT_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose processes and files they are; `prefix` is put before a command to become that account."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def own(self, path: Path) -> None:
        """Give a path to this account. Does nothing when it is ours already."""
        if path.stat().st_uid != self.uid:
            os.chown(path, self.uid, self.gid)

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run to the end, away from the terminal's signals; PG* variables and whatever is secret do not reach it.

        Returns what it wrote, error output included, in `stdout`; the caller judges `returncode`. Raises
        subprocess.TimeoutExpired after TIMEOUT_SECONDS.
        """
        return subprocess.run(
            [*self.prefix, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",  # ours may be closed to the account
            env={**plain_environment(), "LC_ALL": "C"},
            start_new_session=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )


def account_for(folder: Path, program: Path, *, inside: Path | None = None) -> Account:
    """The account that may run `program` on `folder`, an existing folder of ours.

    As root it is the folder's owner, else the first of ACCOUNTS. Its group may pass through `inside`, a folder of ours
    that is closed to others. When another folder above is closed to that account (a home in /root, mode 0700), the
    command keeps one capability: CAP_DAC_READ_SEARCH, which passes through folders and reads; where a container has
    taken that away, CAP_DAC_OVERRIDE.

    Raises ConfigError when that cannot be done.
    """
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid())
    uid, gid = _who(folder)
    if shutil.which("setpriv") is None:
        raise ConfigError(
            "PostgreSQL refuses to run as root, and `setpriv` (util-linux) is not there to become another user; "
            "run Heaters as an ordinary user, or set HEATERS_DATABASE_URL"
        )
    plain = ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
    keeping = [
        (*plain, f"--inh-caps=+{name}", f"--ambient-caps=+{name}") for name in ("dac_read_search", "dac_override")
    ]
    if inside is not None and inside.stat().st_uid == 0:
        os.chown(inside, -1, gid)
        inside.chmod(inside.stat().st_mode | 0o010)
    said = ""
    for prefix in (plain, *keeping):
        account = Account(uid=uid, gid=gid, prefix=(*prefix, "--"))
        account.own(folder)
        tried = account.run(["sh", "-c", 'test -x "$0" && test -w "$1"', program, folder])
        if tried.returncode == 0:
            return account
        said = said or tried.stdout.strip()
    raise ConfigError(
        f"PostgreSQL refuses to run as root, and user {uid} cannot reach {folder} and {program} "
        f"({said or 'no access'}); put HEATERS_HOME where others may enter, run as an ordinary user, "
        "or set HEATERS_DATABASE_URL"
    )


def _who(folder: Path) -> tuple[int, int]:
    owner = folder.stat()
    if owner.st_uid != 0:
        return owner.st_uid, owner.st_gid
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise ConfigError(f"PostgreSQL refuses to run as root, and none of the users {', '.join(ACCOUNTS)} exists")
