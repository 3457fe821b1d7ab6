"""Where Ray runs: a local one for this command, or the cluster that RAY_ADDRESS names.

Ray reads how it authenticates when it is first imported, so this module imports it only once that is set.
"""

import logging
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from heaters.errors import ConfigError
from heaters.settings import Settings

# Blobs travel by key, so the object store only carries inputs and results.
LOCAL_OBJECT_STORE_BYTES = 256 * 2**20
KNOCK_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What there is to run on. `owned`: this process started it."""

    nodes: int
    cpus: float
    gpus: float
    memory_bytes: float  # of the largest node: no task can have more
    node_cpus: float  # of the largest node
    owned: bool


def connect(settings: Settings) -> Cluster:
    """Join or start Ray. Raises ConfigError, naming RAY_ADDRESS, when the cluster cannot be reached."""
    owned = not settings.ray_address
    if owned:
        _close_to_others(settings.home)
    import ray

    if not ray.is_initialized():
        if owned:
            _start_local()
        else:
            _join(settings.ray_address)
    alive = [node for node in ray.nodes() if node["Alive"]]
    total = ray.cluster_resources()
    return Cluster(
        nodes=len(alive),
        cpus=max(total.get("CPU", 1.0), 1.0),
        gpus=total.get("GPU", 0.0),
        memory_bytes=max(node["Resources"].get("memory", 0.0) for node in alive),
        node_cpus=max(max(node["Resources"].get("CPU", 0.0) for node in alive), 1.0),
        owned=owned,
    )


def describe(settings: Settings) -> str:
    """Ray in a line, for `heaters doctor`. Raises ConfigError when the cluster cannot be reached."""
    if not settings.ray_address:
        from ray import __version__

        return f"ray {__version__}, a local one for each command"
    found = connect(settings)
    import ray

    ray.shutdown()
    memory = f"{found.memory_bytes / 2**30:.0f} GiB on the largest"
    size = f"{found.nodes} nodes, {found.cpus:g} CPUs, {found.gpus:g} GPUs, {memory}"
    return f"ray {ray.__version__} at {settings.ray_address}: {size}"


def _join(address: str) -> None:
    import ray

    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ConfigError(f"RAY_ADDRESS={address} cannot be reached: {error}") from error


def _knock(address: str) -> None:
    """Raise OSError where nobody listens at `host:port`: Ray itself would try for many minutes."""
    host, _, port = address.rpartition(":")
    if "://" not in address and host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def _close_to_others(home: Path) -> None:
    """Let nobody else of this machine in: a token that lives under HEATERS_HOME. And tell nobody that we run."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(_token(home / "ray" / "auth_token"))


def _start_local() -> None:
    import ray

    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=LOCAL_OBJECT_STORE_BYTES,
    )


def _token(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    return path
