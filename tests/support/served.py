"""The application as a real server on loopback, inside the test's process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from waiting import wait_until

from heaters.settings import Settings
from heaters.store.db import Database
from ui.app import create_app
from ui.context import Context, build
from ui.serve import listen
from ui.serve import server as server_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running application. `database` is there for a test to look at and to change."""

    url: str
    context: Context

    @property
    def database(self) -> Database:
        return self.context.database


@contextmanager
def serve(settings: Settings) -> Iterator[Site]:
    """The application on a free port, in a thread, for the length of the block."""
    assert settings.database_url
    options = f"-c heaters.facts={settings.variant('facts')}"  # as `open_database` has it
    database = Database(settings.database_url, max_size=16, patience_seconds=5, options=options)
    context = build(settings, database)
    with listen("127.0.0.1", 0) as bound:
        server = server_of(create_app(context))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            wait_until(lambda: server.started, "the server to start")
            yield Site(url=f"http://127.0.0.1:{bound.getsockname()[1]}", context=context)
        finally:
            server.should_exit = True
            thread.join(10)
            database.close()
