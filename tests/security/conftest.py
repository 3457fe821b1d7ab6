"""What the attacks share: a real server of the UI for each module, with an operator (ann) and a reviewer (ben)."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from client import PASSWORDS, signed_in
from served import Site, serve

from heaters.settings import Settings
from ui.accounts import Accounts, Role


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder whose files people may submit by path; what lies beside it is nobody's business."""
    made = tmp_path_factory.mktemp("server") / "films"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def guarded(module_database_url: str, folder: Path) -> Iterator[Site]:
    """The server, its home beside the folder."""
    home = folder.parent / "home"
    accounts = Accounts(home / "users")
    accounts.put("ann", Role.OPERATOR, PASSWORDS["ann"])
    accounts.put("ben", Role.REVIEWER, PASSWORDS["ben"])
    settings = Settings(home=home, database_url=module_database_url, ui_sources=(str(folder),))
    with serve(settings) as site:
        yield site


@pytest.fixture(scope="module")
def operator(guarded: Site) -> Iterator[httpx.Client]:
    """Ann, who may submit, but is nobody on the server's machine."""
    with signed_in(guarded, "ann") as client:
        yield client
