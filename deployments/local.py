"""The endpoint on this machine, until it is told to stop: what `heaters serve` runs."""

import ipaddress
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployments.keys import keys_of
from deployments.limits import Limits
from heaters.errors import ConfigError
from heaters.models.embedder import model_identity
from heaters.runner.cluster import connect
from heaters.settings import Settings

# Serve's own settings: it reads them from the environment when it is first imported, here and in its actors.
SERVE_ENVIRONMENT = {"RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "deployments.edge:callback"}
# The proxy gives up after the replica's own limit has had its say.
_PROXY_GRACE_SECONDS = 5


def serve_here(settings: Settings, say: Callable[[str], None]) -> None:
    """Start the endpoint, say where it listens, and stop it cleanly at SIGINT or SIGTERM.

    Raises ConfigError for a port that is taken, an address others reach without keys, a model that is not there.
    """
    host, port = settings.serve_host, settings.serve_port
    with_keys = bool(keys_of(settings))
    if not with_keys and not is_loopback(host):
        raise ConfigError(
            f"HEATERS_SERVE_HOST={host} can be reached from elsewhere: set HEATERS_API_KEYS, or listen on 127.0.0.1"
        )
    _knock(host, port)
    identity, _ = model_identity(settings.model, settings.home / "models")
    with _stop_signals() as stopped:
        say(f"starting {identity}: Ray, the model's towers and HTTP; this takes half a minute")
        log_file = settings.home / "logs" / "serve.jsonl"
        log_file.parent.mkdir(parents=True, exist_ok=True)
        os.environ.update({name: value for name, value in SERVE_ENVIRONMENT.items() if name not in os.environ})
        owned = connect(settings).owned
        _listen_for(stopped)  # Ray has put its own handler there, which aborts
        _refuse_where_serve_runs()
        try:
            start(settings, log_file=log_file)
            if not stopped.is_set():
                _announce(say, host, port, with_keys, log_file)
            stopped.wait()
            say("stopping: requests in work are finished first")
        finally:
            stop(ray_too=owned)


def start(settings: Settings, *, limits: Limits | None = None, log_file: Path | None = None, **more: Any) -> None:
    """Run the endpoint on the Ray that is connected. Returns when it answers. `more`: as `application` takes it."""
    from ray import serve
    from ray.serve.config import HTTPOptions, ProxyLocation

    from deployments.serving import APPLICATION, application

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    limits = limits or Limits()
    options = HTTPOptions(
        host=settings.serve_host,
        port=settings.serve_port,
        request_timeout_s=limits.request_seconds + _PROXY_GRACE_SECONDS,
    )
    serve.start(proxy_location=ProxyLocation.HeadOnly, http_options=options)
    try:
        serve.run(application(settings, limits=limits, log_file=log_file, **more), name=APPLICATION, route_prefix="/")
    except RuntimeError as error:
        raise ConfigError(f"the endpoint did not start: {error}") from error


def _refuse_where_serve_runs() -> None:
    """A second one would take the first one's HTTP options, and end it when it ends itself."""
    import ray

    try:
        ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
    except ValueError:
        return
    raise ConfigError("Serve runs on this cluster already; deploy there: serve deploy deployments/serve.yaml")


def stop(*, ray_too: bool) -> None:
    """Let what is in work finish, then end the endpoint, and with `ray_too` the local Ray."""
    import ray
    from ray import serve

    from deployments.serving import APPLICATION

    if not ray.is_initialized():
        return
    serve.delete(APPLICATION)
    if ray_too:
        ray.shutdown()  # takes Serve with it, without its complaints
    else:
        serve.shutdown()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _knock(host: str, port: int) -> None:
    """Raise ConfigError where the port is taken: Serve itself would only say so in its log, after a minute."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ConfigError(
            f"HEATERS_SERVE_HOST={host} HEATERS_SERVE_PORT={port}: cannot listen there: {error.strerror or error}"
        ) from error


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, instead of ending the process somewhere."""
    stopped = threading.Event()
    before = _listen_for(stopped)
    try:
        yield stopped
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _listen_for(stopped: threading.Event) -> dict[signal.Signals, Any]:
    return {name: signal.signal(name, lambda *_: stopped.set()) for name in (signal.SIGINT, signal.SIGTERM)}


def _announce(say: Callable[[str], None], host: str, port: int, with_keys: bool, log_file: Path) -> None:
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    key = " -H 'Authorization: Bearer KEY'" if with_keys else ""
    body = '{"input": "a lion"}'
    say(f"listening on {where}; the API is at {where}/docs, one line a request goes to {log_file}")
    say(f"try: curl {where}/v1/embeddings{key} -H 'Content-Type: application/json' -d '{body}'")
