"""The Status tab."""

from ui.context import Context
from ui.shell.tab import part


def build(context: Context) -> None:
    """Lay the tab out: all of it is drawn in the browser from the routes of `api`."""
    del context
    part("status")
