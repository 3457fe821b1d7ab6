"""`heaters ui` and `heaters users`: the application that people use, and who may."""

import sys
from typing import Annotated

import typer

from heaters.cli.output import AsJson, Output
from heaters.errors import UsageError
from heaters.settings import load

users = typer.Typer(help="Who may use the UI.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name they sign in with; it stands in the log of review.")]


def ui_command(
    host: Annotated[str | None, typer.Option(help="Instead of HEATERS_UI_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Instead of HEATERS_UI_PORT; 0: any.")] = None,
) -> None:
    """Serve the UI: review, query, status, submit."""
    from dataclasses import replace

    settings = load()
    settings = replace(settings, ui_host=host or settings.ui_host, ui_port=settings.ui_port if port is None else port)
    from ui.serve import serve  # gradio takes a second or two to import, which other commands need not

    serve(settings, Output(as_json=False).say)


@users.command("add")
def add_command(
    name: Name,
    role: Annotated[str, typer.Option(help="reviewer, or operator: may also submit and retry.")] = "reviewer",
) -> None:
    """Add a user or change one: asks for the password, or reads it from standard input."""
    from ui.accounts import Accounts, Role, check_name

    if role not in set(Role):
        raise UsageError(f"a role is one of {', '.join(Role)}; got {role!r}")
    accounts = Accounts.of(load())
    check_name(name)
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    accounts.put(name, Role(role), password)
    Output(as_json=False).say(f"{name} may sign in as {role} ({accounts.path})")


@users.command("remove")
def remove_command(name: Name) -> None:
    """Take a user away; their sessions end at once."""
    from ui.accounts import Accounts

    Accounts.of(load()).remove(name)
    Output(as_json=False).say(f"{name} may not sign in any more")


@users.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List the users with their roles."""
    from ui.accounts import Accounts

    output = Output(as_json=as_json)
    found = [account.user for account in Accounts.of(load()).current().values()]
    if as_json:
        output.json([{"name": person.name, "role": str(person.role)} for person in found])
    else:
        output.table(("name", "role"), [(person.name, str(person.role)) for person in found])
