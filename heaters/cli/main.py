"""`heaters`: the command. Run `heaters --help`."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

import heaters
from heaters.cli.answers import answer

# Verb → the module of this package and the function, or the group of verbs, that it is.
VERBS = {
    "submit": "run.submit_command",
    "run": "run.run_command",
    "submit-job": "jobs.submit_job_command",
    "status": "status.status_command",
    "retry": "status.retry_command",
    "pause": "pause.pause_command",
    "resume": "pause.resume_command",
    "cut": "cut.cut_command",
    "cuts": "listing.cuts_command",
    "clips": "listing.clips_command",
    "facts": "facts.facts_command",
    "duplicates": "duplicates.duplicates_command",
    "search": "search.search_command",
    "embed": "models.embed_command",
    "models": "models.app",
    "review": "review.app",
    "ui": "ui.ui_command",
    "up": "up.up_command",
    "users": "ui.users",
    "serve": "serve.serve_command",
    "demo": "demo.demo_command",
    "evaluate": "evaluate.evaluate_command",
    "export-dataset": "dataset.export_command",
    "archive": "archive.archive_command",
    "withdraw": "withdraw.withdraw_command",
    "clean": "clean.clean_command",
    "lifecycle": "lifecycle.lifecycle_command",
    "doctor": "admin.doctor_command",
    "config": "admin.config_command",
    "db": "database.app",
}
# What follows the job's name is the job's own.
OTHERS_ARGUMENTS = {"ignore_unknown_options": True, "allow_interspersed_args": False}
PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}


class Verbs(TyperGroup):
    """The verbs, each imported when it is asked for: a search has no use for what the others import."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """Every verb, in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """The verb, or None."""
        if cmd_name not in VERBS:
            return None
        module, _, name = VERBS[cmd_name].partition(".")
        found = getattr(import_module(f"heaters.cli.{module}"), name)
        alone = typer.Typer(**PLAIN)
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=cmd_name)
        else:
            alone.command(cmd_name, context_settings=OTHERS_ARGUMENTS if cmd_name == "submit-job" else None)(found)
        return get_group(alone).commands[cmd_name]


app = typer.Typer(
    name="heaters",
    cls=Verbs,
    help="Turn source videos into reviewed, exported, searchable clips.",
    no_args_is_help=True,
    **PLAIN,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"heaters {heaters.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command. Errors raised on purpose become one line and an exit code: 2 for usage and settings, else 1."""
    answer(app)


if __name__ == "__main__":
    main()
