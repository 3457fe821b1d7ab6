"""Connections to PostgreSQL. It knows no table and no query.

Connections autocommit; whatever belongs together stands in one `with database.transaction() as cursor`.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar

import psycopg
from pgvector.psycopg import register_vector
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn, Ping, TransactionStatus
from psycopg.rows import DictRow, RowMaker, dict_row
from psycopg.types.json import JsonbDumper

from heaters.core.address import shielded
from heaters.errors import ConfigError, DatabaseAway, StoreError

CONNECT_TIMEOUT_SECONDS = 10
STATEMENT_TIMEOUT_SECONDS = 60  # a longer one (an index build) says so itself: set local statement_timeout
IDLE_IN_TRANSACTION_TIMEOUT_SECONDS = 120  # a frozen process must not hold its row locks for ever
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0

_OPTIONS = (
    f"-c statement_timeout={STATEMENT_TIMEOUT_SECONDS}s "
    f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_SECONDS}s"
)
_DEFAULTS = {
    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    # A peer that vanished without a word is noticed after about a minute. Unix sockets ignore these.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

# For long-lived connections whose statements touch few rows each: their plans are made once, often while the tables are
# small, and kept while these grow a thousandfold. Through indexes they stay right.
BY_INDEX = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"

T = TypeVar("T")
Connection = psycopg.Connection[DictRow]
Cursor = psycopg.Cursor[DictRow]


def where(database_url: str) -> str:
    """Host, port and database of a URL as a person may see them: never the password."""
    try:
        parts = conninfo_to_dict(database_url)
    except psycopg.ProgrammingError:
        return "an unreadable database URL"
    host = parts.get("host") or parts.get("hostaddr") or "the default socket"
    return f"database {parts.get('dbname') or '(default)'} at {host}, port {parts.get('port') or 5432}"


def connect(database_url: str, *, application_name: str = "heaters", options: str = "") -> Connection:
    """An autocommitting connection: rows are dicts, dicts become jsonb, pgvector's types are known if there. `options`
    are more of PostgreSQL's start-up options.

    Raises ConfigError when the server answers but refuses (name, password, database), or the URL is wrong;
    DatabaseAway when it does not answer, is starting or has no free slot: trying again may help.
    """
    try:
        given: dict[str, Any] = conninfo_to_dict(database_url)  # what the URL says goes before our defaults
        options = f"{_OPTIONS} {options} {given.pop('options', '')}"
        conninfo = make_conninfo(**_DEFAULTS | given, options=options, application_name=application_name)
    except psycopg.ProgrammingError:
        # libpq's own words quote the URL with its password.
        raise ConfigError("HEATERS_DATABASE_URL must be a postgresql:// URL that libpq can read") from None
    try:
        connection = psycopg.connect(conninfo, autocommit=True, row_factory=_rows)
    except psycopg.OperationalError as error:
        raise _refusal(database_url, conninfo, error) from error
    connection.adapters.register_dumper(dict, JsonbDumper)
    try:
        register_types(connection)
    except psycopg.OperationalError as error:
        raise DatabaseAway(f"{where(database_url)} went away: {_text(error)}") from error
    return connection


def _rows(cursor: psycopg.Cursor[Any]) -> RowMaker[DictRow]:
    """Rows as dicts. The URLs in a column `source` are addresses, which nobody prints whole by mistake."""
    make = dict_row(cursor)
    if not any(column.name == "source" for column in cursor.description or ()):
        return make

    def with_address(values: Sequence[Any]) -> DictRow:
        row = make(values)
        row["source"] = row["source"] and shielded(row["source"])
        return row

    return with_address


def register_types(connection: Connection) -> None:
    """Teach the connection pgvector's types; does nothing while the extension is not installed."""
    try:
        register_vector(connection)
    except psycopg.ProgrammingError:
        return  # "vector type not found": a database that is not migrated yet


def _refusal(database_url: str, conninfo: str, error: psycopg.OperationalError) -> ConfigError | DatabaseAway:
    """Ask the server whether it is up: then the fault is in what we said, else in where it is."""
    full = "too many clients" in str(error) or "connection slots" in str(error)
    if PGconn.ping(conninfo.encode()) == Ping.OK and not full:
        return ConfigError(f"{where(database_url)} refused us (HEATERS_DATABASE_URL): {_text(error)}")
    return DatabaseAway(f"{where(database_url)} does not accept connections: {_text(error)}")


# Classes of SQLSTATE that tell of the server, not of the statement: connection, resources (slots, disk, memory),
# shutdown, I/O.
_AWAY = ("08", "53", "58")
_AWAY_STATES = ("57P01", "57P02", "57P03", "57P05")


def _is_away(error: psycopg.OperationalError) -> bool:
    """Whether the server is the trouble. An error without a state is libpq's own: the connection broke."""
    state = error.sqlstate
    return state is None or state.startswith(_AWAY) or state in _AWAY_STATES


def _text(error: psycopg.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__


class Database:
    """A PostgreSQL database that may go away and come back.

    Threads may share it: each transaction has its own connection. At most `max_size` run at once; a further
    one waits. `locate` is the URL, or a function that gives it and is asked before each new connection (the
    embedded server is started again there). `options` as in `connect`.
    """

    def __init__(
        self,
        locate: str | Callable[[], str],
        *,
        max_size: int = 8,
        application_name: str = "heaters",
        patience_seconds: float = 30.0,
        options: str = "",
    ) -> None:
        self._locate = locate
        self._application_name = application_name
        self._patience_seconds = patience_seconds
        self._options = options
        self._slots = threading.BoundedSemaphore(max_size)
        self._idle: deque[Connection] = deque()  # used from its right end; append and pop are atomic
        self._last_url = ""

    def like(self, *, application_name: str, max_size: int, patience_seconds: float, options: str = "") -> "Database":
        """Another one at the same place, with connections and further `options` of its own."""
        return Database(
            self._locate,
            max_size=max_size,
            application_name=application_name,
            patience_seconds=patience_seconds,
            options=f"{self._options} {options}",
        )

    @property
    def options(self) -> str:
        """The start-up options of its connections, for one more that means the same."""
        return self._options

    @property
    def url(self) -> str:
        """Where the database is now."""
        return self._locate() if callable(self._locate) else self._locate

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """A cursor inside a new transaction: committed at the end of the block, rolled back if it raises.

        A lost connection is replaced only at the start, while nothing has been done, with back-off for
        `patience_seconds`. Lost later it is a StoreError, and the block has had no effect. Lost during the
        commit the effect is unknown, so what is written must be fenced or idempotent.

        Raises DatabaseAway where the server is the trouble, StoreError for other psycopg.OperationalErrors (a timeout,
        a deadlock), ConfigError as `connect`; other psycopg errors, such as a violated constraint, come as they are.
        """
        if not self._slots.acquire(timeout=self._patience_seconds):
            raise DatabaseAway(f"no database connection became free within {self._patience_seconds:g} s")
        try:
            connection, block = self._begin()
            try:
                with ExitStack() as stack:
                    stack.push(block)  # left last: commits or rolls back
                    yield stack.enter_context(connection.cursor())
            except psycopg.OperationalError as error:
                kind = DatabaseAway if _is_away(error) else StoreError
                raise kind(f"{where(self._last_url)} failed: {_text(error)}") from error
            finally:
                self._give_back(connection)
        finally:
            self._slots.release()

    def run(self, work: Callable[[Cursor], T]) -> T:
        """`work` in a transaction of its own, again from its start after a StoreError, for `patience_seconds`.

        Only for work that may be done twice (fenced, idempotent, or reading): the first may have been committed.
        """
        deadline = time.monotonic() + self._patience_seconds
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                with self.transaction() as cursor:
                    return work(cursor)
            except StoreError:
                if time.monotonic() + pause_seconds > deadline:
                    raise
            time.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    def close(self) -> None:
        """Close the idle connections. The database may be used again afterwards."""
        while connection := self._take():
            connection.close()

    def _begin(self) -> tuple[Connection, AbstractContextManager[object]]:
        """A connection on which BEGIN has just succeeded, and the block that ends that transaction."""
        deadline = time.monotonic() + self._patience_seconds
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            kept = self._take()
            try:
                connection = kept or self._connect()
                block = connection.transaction()
                block.__enter__()
                return connection, block
            except (psycopg.OperationalError, StoreError) as error:
                if kept is not None:  # it broke while idle; so, probably, did the others
                    kept.close()
                    continue
                if time.monotonic() + pause_seconds > deadline:
                    raise DatabaseAway(f"gave up after {self._patience_seconds:g} s: {error}") from error
            time.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    def _take(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self) -> Connection:
        self._last_url = self.url
        return connect(self._last_url, application_name=self._application_name, options=self._options)

    def _give_back(self, connection: Connection) -> None:
        if connection.closed or connection.info.transaction_status != TransactionStatus.IDLE:
            connection.close()
        else:
            self._idle.append(connection)
