"""How a job begins and ends: a function's signature is its command line, its errors are exit codes."""

from collections.abc import Callable

import typer

from heaters.cli.answers import answer


def job(command: Callable[..., None]) -> None:
    """Run `command` on the arguments of this process, and exit."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(command)
    answer(app)
