"""`heaters config` and `heaters doctor`: what an operator needs."""

from dataclasses import asdict

import typer

from heaters import doctor
from heaters.cli.output import AsJson, Output
from heaters.settings import Settings, load, loaded
from heaters.settings.shown import describe


def config_command(as_json: AsJson = False) -> None:
    """Print the effective settings, secrets masked, and where each value came from."""
    output = Output(as_json=as_json)
    rows = describe(*loaded())
    if as_json:
        output.json(rows)
        return
    output.table(
        ("variable", "value", "from", "what it sets"),
        [(r["variable"], r["value"] or "(empty)", r["origin"], r["does"]) for r in rows],
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
