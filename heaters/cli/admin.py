"""`heaters config`, `db` and `doctor`: what an operator needs."""

from dataclasses import asdict

import typer

from heaters import doctor, embedded
from heaters.cli.output import Output
from heaters.cli.run import AsJson
from heaters.errors import ConfigError
from heaters.settings import Settings, load
from heaters.settings.shown import describe
from heaters.store.db import connect, where
from heaters.store.migrate import migrate, pending

db = typer.Typer(help="The database.", no_args_is_help=True)


def config_command(as_json: AsJson = False) -> None:
    """Print the effective settings, secrets masked."""
    output = Output(as_json=as_json)
    rows = describe(load())
    if as_json:
        output.json(rows)
        return
    output.table(
        ("variable", "value", "what it sets"), [(r["variable"], r["value"] or "(empty)", r["does"]) for r in rows]
    )


def _ray(settings: Settings) -> doctor.Check:
    from heaters.runner.cluster import describe as describe_cluster

    return doctor.Check(name="ray", ok=True, found=describe_cluster(settings))


def doctor_command(as_json: AsJson = False) -> None:
    """Check everything that a run needs, and say how to mend what is missing."""
    output = Output(as_json=as_json)
    checks = doctor.examine(load(), {"ray": _ray})
    if as_json:
        output.json([asdict(check) for check in checks])
    else:
        for check in checks:
            output.say(
                f"{'ok ' if check.ok else 'BAD'}  {check.name:<12} {check.found}", style=None if check.ok else "red"
            )
            if check.mend:
                output.say(f"     {'':<12} {check.mend}", style="dim")
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


@db.command("migrate")
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


@db.command("status")
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


@db.command("stop")
def stop_command() -> None:
    """Stop the embedded database, ending the connections of whoever still uses it."""
    settings = load()
    if settings.database_url:
        raise ConfigError("HEATERS_DATABASE_URL is set: only the embedded database can be stopped from here")
    embedded.stop(settings.home)
