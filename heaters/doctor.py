"""Preflight: is everything there that a run needs, and how to mend what is not."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from heaters.errors import HeatersError
from heaters.settings import Settings

# Below this, a run of a few videos fills the disk.
LEAST_FREE_BYTES = 5 * 2**30
ENCODERS = ("libx264", "aac")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at. `mend` says what to do when it is not well, or what would make it better."""

    name: str
    ok: bool
    found: str
    mend: str = ""


def examine(settings: Settings) -> list[Check]:
    """Look at everything; one failing check never hides the others."""
    return [_guarded(name, look, settings) for name, look in CHECKS.items()]


def _guarded(name: str, look: Callable[[Settings], Check], settings: Settings) -> Check:
    try:
        return look(settings)
    except (HeatersError, OSError, subprocess.SubprocessError) as error:
        return Check(name=name, ok=False, found=str(error))


def _home(settings: Settings) -> Check:
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    ok = os.access(settings.home, os.W_OK) and free >= LEAST_FREE_BYTES
    return Check(
        name="home",
        ok=ok,
        found=f"{settings.home}, {free / 2**30:.0f} GiB free",
        mend=""
        if ok
        else f"set HEATERS_HOME to a writable folder with at least {LEAST_FREE_BYTES / 2**30:.0f} GiB free",
    )


def _database(settings: Settings) -> Check:
    from heaters.store.open import open_database
    from heaters.store.queries import query

    database = open_database(settings)
    with database.transaction() as tx:
        facts = tx.execute(query("database_facts"), {}).fetchone() or {}
    database.close()
    kind = "HEATERS_DATABASE_URL" if settings.database_url else "embedded"
    return Check(
        name="database",
        ok=True,
        found=f"{kind}: PostgreSQL {facts['server_version']}, pgvector {facts['pgvector_version']}, "
        f"{facts['size_bytes'] / 2**20:.0f} MiB",
    )


def _store(settings: Settings) -> Check:
    from heaters.store.objects import open_store

    store = open_store(settings.store_location, s3_endpoint=settings.s3_endpoint)
    store.check()
    return Check(name="store", ok=True, found=f"{settings.store_location}: wrote, read and deleted an object")


def _ffmpeg(settings: Settings) -> Check:
    del settings
    from heaters.media.ffmpeg import binary

    listed = subprocess.run(
        [binary(), "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    missing = [name for name in ENCODERS if f" {name} " not in listed]
    return Check(
        name="ffmpeg",
        ok=not missing,
        found=binary() if not missing else f"{binary()} lacks {', '.join(missing)}",
        mend="pip install --force-reinstall imageio-ffmpeg" if missing else "",
    )


def _device(settings: Settings) -> Check:
    import torch

    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count()))
        return Check(name="device", ok=True, found=f"{names}, torch {torch.__version__}")
    wanted = settings.device == "cuda"
    return Check(
        name="device",
        ok=not wanted,
        found=f"CPU, {os.cpu_count()} cores, torch {torch.__version__}",
        mend="HEATERS_DEVICE=cuda, but torch finds no GPU" if wanted else "",
    )


def _detector(settings: Settings) -> Check:
    if settings.detector != "transnetv2":
        from heaters.models.detectors import build

        return Check(name="detector", ok=True, found=build(settings).signature)
    from heaters.models.transnet import load_weights

    return Check(name="detector", ok=True, found=f"transnetv2, weights {load_weights()[1][:12]}")


def _embedder(settings: Settings) -> Check:
    from heaters.models.embedder import model_identity

    model, dimension = model_identity(settings.model, settings.home / "models")
    switch = "" if settings.model != "starter" else "HEATERS_MODEL=openclip:NAME/PRETRAINED searches far better"
    return Check(name="embedder", ok=True, found=f"{model}, {dimension} numbers", mend=switch)


CHECKS: dict[str, Callable[[Settings], Check]] = {
    "home": _home,
    "database": _database,
    "store": _store,
    "ffmpeg": _ffmpeg,
    "device": _device,
    "detector": _detector,
    "embedder": _embedder,
}
