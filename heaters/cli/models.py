"""`heaters models`, `embed`, `db reindex` and `db recall`: embedding models, their vectors and indexes."""

import typer

app = typer.Typer(help="Embedding models.", no_args_is_help=False, invoke_without_command=True)


def embed_command() -> None:
    """Make the vectors of a model that are missing."""


def reindex_command() -> None:
    """Build the indexes over vectors."""


def recall_command() -> None:
    """Compare."""


@app.callback()
def models_command() -> None:
    """List."""
