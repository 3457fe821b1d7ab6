"""Sessions of those who signed in: rows of the database, so that they outlive a restart and end at once on signing out.

The browser holds a random token; the database its hash alone.
"""

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass

from heaters.store.db import Database
from heaters.store.queries import query
from ui.accounts import Account

LIFETIME_SECONDS = 14 * 24 * 3600
# Media come in many ranges: so long a session is believed without asking the database again.
BELIEVED_SECONDS = 15.0
MOST_BELIEVED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who signed in, and the mark of the password they did it with."""

    name: str
    mark: str

    def fits(self, account: Account) -> bool:
        """Whether the password is still the one they signed in with."""
        return secrets.compare_digest(self.mark, mark(account))


def mark(account: Account) -> str:
    """What a session keeps of a password's hash: enough to see that it changed, no help in guessing it."""
    return hashlib.sha256(account.password_hash.encode()).hexdigest()


class Sessions:
    """Opens, finds and ends sessions. Threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._believed: dict[str, tuple[float, Session]] = {}

    def begin(self, account: Account) -> str:
        """A new session; returns its token. Old ones that ran out are swept."""
        token = secrets.token_urlsafe(32)
        row = {
            "token_hash": _hash(token),
            "name": account.user.name,
            "mark": mark(account),
            "seconds": LIFETIME_SECONDS,
        }
        with self._database.transaction() as tx:
            tx.execute(query("sweep_sessions"))
            tx.execute(query("begin_session"), row)
        return token

    def find(self, token: str) -> Session | None:
        """The session of a token; None when there is none, or it ran out."""
        key = _hash(token)
        now = time.monotonic()
        with self._guard:
            known = self._believed.get(key)
        if known and known[0] > now:
            return known[1]
        with self._database.transaction() as tx:
            row = tx.execute(query("session"), {"token_hash": key}).fetchone()
        with self._guard:
            self._believed.pop(key, None)
            if row is None:
                return None
            if len(self._believed) >= MOST_BELIEVED:
                self._believed.clear()
            session = Session(name=row["name"], mark=row["mark"])
            self._believed[key] = (now + BELIEVED_SECONDS, session)
        return session

    def end(self, token: str) -> None:
        """Forget a session."""
        key = _hash(token)
        with self._database.transaction() as tx:
            tx.execute(query("end_session"), {"token_hash": key})
        with self._guard:
            self._believed.pop(key, None)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
