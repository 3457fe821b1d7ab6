"""Where Ray runs: a local one for this command, or the cluster that RAY_ADDRESS names.

Ray reads how it authenticates when it is first imported, so this module imports it only once that is set.
"""

import atexit
import logging
import math
import os
import secrets
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from heaters.core.pipeline import POOL_LABEL, SERVE_POOL
from heaters.errors import ConfigError
from heaters.private import home_folder, private_folder, ray_folder
from heaters.runner.entrypoint import readable_entrypoint
from heaters.runner.lean import lean_head
from heaters.settings import Settings
from heaters.store.files import beside

# Blobs travel by key, so the object store only carries inputs and results.
LOCAL_OBJECT_STORE_BYTES = 256 * 2**20
LOOPBACK = "127.0.0.1"
KNOCK_SECONDS = 10
ANSWER_SECONDS = 1.0  # for a node of the same cluster to take a connection
KNOCKS_AT_ONCE = 32
# An autoscaler sees what waits at Ray: so many times what fits now, so that a cluster doubles while there is work.
AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What there is to run on, without the nodes that serve. `owned`: this process started it.

    `grows`: an autoscaler adds nodes for what waits at Ray; `has_gpus`: there are GPUs, or could be.
    """

    nodes: int
    cpus: float
    gpus: float
    memory_bytes: float  # of the largest node: no task can have more
    node_cpus: float  # of the largest node
    owned: bool
    grows: bool = False
    has_gpus: bool = False

    @property
    def ahead(self) -> int:
        """How many times what fits now is given to Ray."""
        return AHEAD if self.grows else 1


def connect(settings: Settings) -> Cluster:
    """Join or start Ray. Raises ConfigError, naming RAY_ADDRESS, when the cluster cannot be reached."""
    owned = not settings.ray_address
    if owned:
        _close_to_others(settings.home)
    import ray

    if not ray.is_initialized():
        if owned:
            _start_local(ray_folder(settings.home))
        else:
            _join(settings.ray_address)
    return survey(owned=owned)


def import_soon(settings: Settings) -> None:
    """Import Ray on a thread of its own, for a command that will start a local one: its database starts meanwhile."""
    if not settings.ray_address:
        _close_to_others(settings.home)
        threading.Thread(target=import_module, args=("ray",)).start()


def survey(*, owned: bool) -> Cluster:
    """The cluster as it is now: nodes come and go. Needs a connected Ray."""
    import ray
    from ray._private.state import state  # Ray's libraries ask this; there is no public way

    alive = [node["Resources"] for node in ray.nodes() if node["Alive"] and _is_ours(node["Labels"])]
    working = [resources for resources in alive if resources.get("CPU", 0.0) > 0]
    largest = state.get_max_resources_from_cluster_config()  # None without an autoscaler
    gpus = sum(resources.get("GPU", 0.0) for resources in working)
    return Cluster(
        nodes=max(len(working), 1),
        cpus=max(sum(resources["CPU"] for resources in working), 1.0),
        gpus=gpus,
        # A head without work says nothing of the nodes to come.
        memory_bytes=max((resources.get("memory", 0.0) for resources in working), default=math.inf),
        node_cpus=max((resources["CPU"] for resources in working), default=1.0),
        owned=owned,
        grows=largest is not None,
        has_gpus=gpus > 0 or bool(largest and largest.get("GPU", 0) > 0),
    )


def free_cpus() -> float:
    """CPUs that nothing holds, without those of the nodes that serve."""
    import ray
    from ray._private.state import available_resources_per_node

    free = available_resources_per_node()
    ours = [node["NodeID"] for node in ray.nodes() if node["Alive"] and _is_ours(node["Labels"])]
    return sum(float(free.get(number, {}).get("CPU", 0.0)) for number in ours)


def our_nodes() -> list[str]:
    """The ids of the nodes that are there and work for us."""
    import ray

    return [
        node["NodeID"]
        for node in ray.nodes()
        if node["Alive"] and _is_ours(node["Labels"]) and node["Resources"].get("CPU", 0.0) > 0
    ]


def dead_nodes() -> list[str]:
    """The ids of nodes that were there and are gone, as far as Ray still remembers them."""
    import ray

    return [node["NodeID"] for node in ray.nodes() if not node["Alive"]]


def is_any_silent() -> bool:
    """Whether a node that Ray takes for alive does not answer at its port: it is going, or out of reach from here."""
    import ray

    places = [(node["NodeManagerAddress"], node["NodeManagerPort"]) for node in ray.nodes() if node["Alive"]]
    with ThreadPoolExecutor(KNOCKS_AT_ONCE) as pool:
        return not all(pool.map(_answers, places))


def _answers(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=ANSWER_SECONDS).close()
    except OSError:
        return False
    return True


def _is_ours(labels: Mapping[str, str]) -> bool:
    return labels.get(POOL_LABEL) != SERVE_POOL


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
        with readable_entrypoint():
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
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(_token(home_folder(home) / "ray" / "auth_token"))


def _start_local(folder: Path) -> None:
    import ray

    with lean_head(), readable_entrypoint():
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=LOCAL_OBJECT_STORE_BYTES,
            _node_ip_address=LOOPBACK,
            _temp_dir=str(folder),
        )
    # Ray's own shutdown at exit comes after this one; it would first sleep for lines of workers, which we do not show.
    atexit.register(ray.shutdown)


def _token(path: Path) -> Path:
    """The file with the token, made where it is not there or is empty: a process was killed between its two steps."""
    private_folder(path.parent)
    with suppress(OSError):
        if path.stat().st_size > 0:
            return path
        path.unlink()
    with beside(path) as partial:
        partial.touch(mode=0o600)
        partial.write_text(secrets.token_hex(32))
        with suppress(FileExistsError):  # somebody else was first: theirs counts
            path.hardlink_to(partial)
    return path
