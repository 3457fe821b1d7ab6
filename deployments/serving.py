"""The endpoint on Ray Serve: one deployment for HTTP, one for each tower of the model.

    serve deploy deployments/serve.yaml        # names `deployments.serving:build`

Towers scale apart, and a flood of pictures does not hold up words. The settings are those of the process that builds.
"""

import asyncio
import logging
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import ray
from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from deployments.app import create_app
from deployments.encoder import Embedded, Encoder, Served
from deployments.keys import keys_of
from deployments.limits import Limits
from deployments.log import open_log
from deployments.metrics import Metrics
from deployments.remote import RemoteEncoders
from deployments.searching import Finder
from heaters import settings as settings_module
from heaters.core.pipeline import POOL_LABEL
from heaters.errors import ConfigError
from heaters.models.embedder import Embedder, Towers, load_embedder
from heaters.settings import Settings
from heaters.store.open import open_database

APPLICATION = "heaters"
# Of a GPU, for each tower: a base-size model and its batch take some 2 GiB.
_GPU_SHARE = 0.2
# The ingress and the towers of one machine must fit beside a pipeline that runs there.
_INGRESS_CPUS, _TOWER_CPUS = 0.1, 0.4
# Requests that a tower's replica holds: more than the largest batch, so that it fills.
_TOWER_REQUESTS = 512
# Requests in the ingress beyond its own limit, which it refuses in its own words.
_SPARE_REQUESTS = 32


class Tower:
    """One tower of the model: `texts` or `pictures`. `user_config: {model: NAME}` says which, also later."""

    def __init__(self, towers: Towers, device: str, home: Path) -> None:
        self._load = partial(_load, towers=towers, device=device, home=home)
        self._encoder: Encoder | None = None

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Serve's: load the model, or change it between two batches."""
        unknown = sorted(config.keys() - {"model"})
        if unknown or not isinstance(config.get("model"), str):
            raise ConfigError(f"user_config is {{model: NAME}} and nothing else; got {config}")
        if self._encoder is None:
            self._encoder = await asyncio.to_thread(Encoder, config["model"], self._load)
        else:
            await self._encoder.change(config["model"])

    async def served(self) -> Served:
        """See `Encoders`."""
        return await self._ready().served()

    async def texts(self, texts: list[str]) -> Embedded:
        """See `Encoders`."""
        return await self._ready().texts(texts)

    async def pictures(self, pictures: list[bytes]) -> Embedded:
        """See `Encoders`."""
        return await self._ready().pictures(pictures)

    def _ready(self) -> Encoder:
        if self._encoder is None:
            raise ConfigError("this deployment needs user_config: {model: NAME}")
        return self._encoder


class Ingress:
    """HTTP: the application of `app`, over the towers' handles."""

    def __init__(
        self,
        text: "DeploymentHandle[Any]",
        picture: "DeploymentHandle[Any]",
        settings: Settings,
        limits: Limits,
        log_file: Path | None,
    ) -> None:
        self._encoders = RemoteEncoders(text, picture)
        self._settings = settings
        self._limits = limits
        self._log_file = log_file

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Serve's: called once in each replica."""
        return create_app(
            self._encoders,
            Finder(open_database(self._settings, application_name="heaters serve"), self._settings),
            limits=self._limits,
            keys=keys_of(self._settings),
            metrics=Metrics(serve.get_replica_context().replica_tag),
            logger=open_log(self._log_file),
            says_id=False,
        )


def build(arguments: dict[str, Any]) -> Application:
    """The application for `serve deploy`. `arguments`: limits by name (see `limits`), and `pool`, the nodes' label.

    Raises ConfigError for an unknown one, and without HEATERS_API_KEYS: production is never open to everyone.
    """
    given = dict(arguments)
    pool = given.pop("pool", "")
    unknown = sorted(given.keys() - {spec.name for spec in fields(Limits)})
    if unknown:
        raise ConfigError(f"args of serve.yaml are limits and pool; there is none named {unknown[0]}")
    settings = settings_module.load()
    if not keys_of(settings):
        raise ConfigError("HEATERS_API_KEYS or HEATERS_API_KEYS_FILE must be set where others can reach the endpoint")
    return application(settings, limits=Limits(**given), pool=pool)


def application(
    settings: Settings,
    *,
    limits: Limits | None = None,
    log_file: Path | None = None,
    tower_class: type[Tower] = Tower,
    pool: str = "",
) -> Application:
    """The deployments, bound together; on the cluster's GPUs where it has some. Needs a connected Ray.

    With `pool`, on the nodes with that label alone, which have GPUs: they may be still to be started. Benchmarks give
    other classes of tower.
    """
    limits = limits or Limits()
    has_gpus = bool(pool) or ray.cluster_resources().get("GPU", 0) > 0
    gpus = _GPU_SHARE if settings.device != "cpu" and has_gpus else 0
    where = {"label_selector": {POOL_LABEL: pool}} if pool else {}
    common: dict[str, Any] = {
        "graceful_shutdown_timeout_s": limits.request_seconds + 5,  # what is in work is finished
        "health_check_period_s": 5,
        "max_constructor_retry_count": 3,
        "logging_config": LoggingConfig(enable_access_log=False, log_level=logging.WARNING),
    }
    tower = serve.deployment(
        max_ongoing_requests=_TOWER_REQUESTS,
        user_config={"model": settings.model},
        ray_actor_options={"num_cpus": _TOWER_CPUS, "num_gpus": gpus, **where},
        **common,
    )(tower_class)
    text, image = (tower.options(name=name).bind(name, settings.device, settings.home) for name in ("text", "image"))
    ingress = serve.deployment(
        name="ingress",
        max_ongoing_requests=limits.in_flight + _SPARE_REQUESTS,
        max_queued_requests=limits.in_flight,
        ray_actor_options={"num_cpus": _INGRESS_CPUS, **where},
        **common,
    )(serve.ingress()(Ingress))
    # Without the model's name, so that a change of it leaves the ingress alone: that asks the towers which it is.
    bound: Application = ingress.bind(text, image, replace(settings, model=""), limits, log_file)
    return bound


def _load(name: str, *, towers: Towers, device: str, home: Path) -> Embedder:
    return load_embedder(name, cache=home / "models", device=device, towers=towers)
