"""`heaters`: the command. Run `heaters --help`."""

from typing import Annotated

import typer

import heaters
from heaters.cli import (
    admin,
    archive,
    clean,
    cut,
    dataset,
    demo,
    duplicates,
    evaluate,
    facts,
    jobs,
    lifecycle,
    listing,
    models,
    review,
    run,
    search,
    serve,
    status,
    ui,
    up,
)
from heaters.cli.answers import answer

app = typer.Typer(
    name="heaters",
    help="Turn source videos into reviewed, exported, searchable clips.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command("submit")(run.submit_command)
app.command("run")(run.run_command)
app.command("submit-job", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(
    jobs.submit_job_command
)
app.command("status")(status.status_command)
app.command("retry")(status.retry_command)
app.command("cut")(cut.cut_command)
app.command("cuts")(listing.cuts_command)
app.command("clips")(listing.clips_command)
app.command("facts")(facts.facts_command)
app.command("duplicates")(duplicates.duplicates_command)
app.command("search")(search.search_command)
app.command("embed")(models.embed_command)
app.add_typer(models.app, name="models")
app.add_typer(review.app, name="review")
app.command("ui")(ui.ui_command)
app.command("up")(up.up_command)
app.add_typer(ui.users, name="users")
app.command("serve")(serve.serve_command)
app.command("demo")(demo.demo_command)
app.command("evaluate")(evaluate.evaluate_command)
app.command("export-dataset")(dataset.export_command)
app.command("archive")(archive.archive_command)
app.command("clean")(clean.clean_command)
app.command("lifecycle")(lifecycle.lifecycle_command)
app.command("doctor")(admin.doctor_command)
app.command("config")(admin.config_command)
admin.db.command("reindex")(models.reindex_command)
admin.db.command("recall")(models.recall_command)
app.add_typer(admin.db, name="db")


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
