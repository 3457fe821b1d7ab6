"""Serves the application until it is told to stop: one process, because leases and the login's brake know one."""

import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from heaters.connections import BoundedProtocol
from heaters.errors import ConfigError
from heaters.settings import Settings
from heaters.stopping import stopped_by_signals
from ui.app import create_app
from ui.context import opened

# A reviewer's last decision gets through; a video that plays on is cut off.
GOODBYE_SECONDS = 3


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve at the settings' host and port until SIGINT or SIGTERM. Raises ConfigError where that cannot be."""
    with opened(settings) as context:
        app = create_app(context)
        with listen(settings.ui_host, settings.ui_port) as bound:
            port = bound.getsockname()[1]
            host = f"[{settings.ui_host}]" if ":" in settings.ui_host else settings.ui_host
            say(f"the UI is at http://{host}:{port}/")
            # Uvicorn stops at a signal and then raises it again: by then there is nothing left that it should end.
            with stopped_by_signals(lambda: None):
                server(app).run(sockets=[bound])


def server(app: FastAPI) -> uvicorn.Server:
    """The HTTP server of the application, which bounds what connections may do."""
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # who the peer is decides whom we trust; ours is the only say
        server_header=False,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises ConfigError naming the setting where that is not possible."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, number)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        raise ConfigError(
            f"HEATERS_UI_HOST and HEATERS_UI_PORT must be an address here and a free port; {host}:{port}: {error}"
        ) from error
    return bound
