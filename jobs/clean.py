"""ray job submit --submission-id heaters-clean -- python -m jobs.clean --delete

Deletes the objects of archived clips, verified, and what uploads that never ended left behind; lists the objects that
no row knows, and with `--delete` deletes these too.
"""

import typer

from heaters.cli.archive import archive
from heaters.cli.clean import Delete, OlderThan, clean, tell
from heaters.cli.output import Output
from heaters.cli.session import opened
from jobs.entry import job


def archive_and_clean(delete: Delete = False, older_than_hours: OlderThan = 24) -> None:
    """Delete what archived clips and killed workers left."""
    output = Output(as_json=False)
    with opened() as (settings, database):
        archived = archive(output, settings, database, None)
        tell(output, clean(settings, database, older_than_hours, delete=delete), delete=delete)
    raise typer.Exit(archived.code)


if __name__ == "__main__":
    job(archive_and_clean)
