"""A local Ray without what a single machine has no use for: autoscaler, dashboard, and most of the node's agent.

`ray.init` starts them all, whatever it is told, and the first task waits for their imports; and it listens on all
interfaces, also when it is told to use loopback. Ray has no setting for it, so five functions of the pinned version are
replaced while it starts; tests/runner/test_lean.py holds it.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

NODE_SECONDS, LOOK_SECONDS = 10.0, 0.02


@contextmanager
def lean_head() -> Iterator[None]:
    """For the length of the block a head node of Ray starts so."""
    from ray._private import services, utils
    from ray._private.node import Node

    get_node: Any = services.get_node

    def get_node_soon(gcs_address: str, node_id: str) -> Any:
        """Ray looks for its node once a second; it comes in between."""
        _await_node(gcs_address, node_id)
        return get_node(gcs_address, node_id)

    def no_monitor(_: Any) -> None:
        """No autoscaler: no node can be added here."""

    def no_server(node: Any, **_: Any) -> None:
        node._webui_url = ""  # what the method says where the server has no pages

    def no_dependencies() -> ImportError:
        """Ray then starts the agent that it has where `ray[default]` is not installed: without metrics and pages."""
        return ImportError("left out")

    def as_it_is(host: str) -> str:
        """Ray makes another address of this machine of loopback."""
        return host

    with ExitStack() as stack:
        for owner, name, other in (
            (Node, "start_monitor", no_monitor),
            (Node, "start_api_server", no_server),
            (utils, "get_dashboard_dependency_error", no_dependencies),
            (services, "get_node", get_node_soon),
            (services, "resolve_ip_for_localhost", as_it_is),
        ):
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, other)
        yield


def _await_node(gcs_address: str, node_id: str) -> None:
    """Until the node has registered, or for NODE_SECONDS: Ray's own way to wait has the last word."""
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    client, until = GcsClient(address=gcs_address), time.monotonic() + NODE_SECONDS
    while time.monotonic() < until:
        if any(found.hex() == node_id for found in client.get_all_node_info(timeout=NODE_SECONDS)):
            return
        time.sleep(LOOK_SECONDS)
