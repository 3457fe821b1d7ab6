"""What the application is built on."""

import hashlib
from pathlib import Path

from rows import add_video

from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.objects import open_store
from heaters.store.withdrawals import Withdrawals
from ui.context import opened


def test_a_server_that_starts_forgets_what_was_withdrawn_elsewhere(
    db: Database, settings: Settings, tmp_path: Path
) -> None:
    video = add_video(db, "film")
    mine, other = hashlib.sha256(b"film").hexdigest(), "b" * 64
    kept = [settings.home / "stills" / "0a" / f"{content}-{'0' * 32}.jpg" for content in (mine, other)]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    with opened(settings):
        assert all(path.exists() for path in kept)
    list(Withdrawals(db, open_store(str(tmp_path / "store"))).withdraw([video], by="ann"))
    with opened(settings):
        assert [path.exists() for path in kept] == [False, True]
