"""`heaters db`: the database, its schema and its indexes."""

import typer

from heaters import embedded
from heaters.cli.models import recall_command, reindex_command
from heaters.cli.output import AsJson, Output
from heaters.errors import ConfigError
from heaters.settings import load
from heaters.store.db import connect, where
from heaters.store.migrate import migrate, pending

app = typer.Typer(help="The database.", no_args_is_help=True)
app.command("reindex")(reindex_command)
app.command("recall")(recall_command)


@app.command("migrate")
def migrate_command() -> None:
    """Bring the database to the schema of this version."""
    output = Output(as_json=False)
    settings = load()
    url = settings.database_url or embedded.ensure(settings.home)
    with connect(url) as connection:
        applied = migrate(connection)
        left = pending(connection)
    for name in applied:
        output.say(f"applied {name}")
    output.say(f"{where(url)} is current" if not left else f"still pending: {left}")


@app.command("status")
def status_command(as_json: AsJson = False) -> None:
    """Say where the database is and whether it runs."""
    output = Output(as_json=as_json)
    settings = load()
    if settings.database_url:
        facts = {"embedded": False, "where": where(settings.database_url)}
    else:
        found = embedded.status(settings.home)
        facts = {
            "embedded": True,
            "running": found.running,
            "url": found.url,
            "data": str(found.data),
            "log": str(found.log),
        }
    if as_json:
        output.json(facts)
        return
    for name, value in facts.items():
        output.say(f"{name:<10} {value}")


@app.command("stop")
def stop_command() -> None:
    """Stop the embedded database, ending the connections of whoever still uses it."""
    settings = load()
    if settings.database_url:
        raise ConfigError("HEATERS_DATABASE_URL is set: only the embedded database can be stopped from here")
    embedded.stop(settings.home)
