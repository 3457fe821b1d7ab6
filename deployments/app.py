"""The application: routes behind the guard. A plain FastAPI object; it knows neither Ray nor where its models run."""

import logging
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

import heaters
from deployments import embeddings, log, searching, shapes
from deployments.encoder import Encoders
from deployments.guard import Guard
from deployments.keys import Keys
from deployments.limits import Limits
from deployments.metrics import CONTENT_TYPE, Metrics
from deployments.openapi import document
from deployments.problems import UNFIT, answer
from deployments.requests import EVERYWHERE, refusals
from deployments.searching import Finder
from deployments.vectors import Vectoriser
from heaters.errors import HeatersError

DESCRIPTION = """Text or pictures in, vectors or matching clips out.

Every answer that is no success has the shape `{"error": {"message", "type", "param", "code"}}`. 503 and 429 carry
`Retry-After`. Each answer carries `x-request-id`: the request's own, where it has a valid one.
"""


def create_app(
    encoders: Encoders,
    finder: Finder,
    *,
    limits: Limits | None = None,
    keys: Keys | None = None,
    metrics: Metrics | None = None,
    logger: logging.Logger | None = None,
    says_id: bool = True,
) -> FastAPI:
    """The endpoint over a model and a database. Without `keys` it is open to everyone who can reach it."""
    limits, keys, metrics = limits or Limits(), keys or Keys(), metrics or Metrics()
    vectoriser = Vectoriser(encoders, cached_texts=limits.cached_texts, metrics=metrics)
    app = FastAPI(
        title="Heaters",
        version=heaters.__version__,
        description=DESCRIPTION,
        responses=refusals(*EVERYWHERE),
        separate_input_output_schemas=False,
    )
    app.include_router(embeddings.routes(vectoriser, limits))
    app.include_router(searching.routes(finder, vectoriser, limits))
    app.include_router(_operations(encoders, finder, metrics))
    for kind in (HeatersError, RequestValidationError, HTTPException, *UNFIT):
        app.add_exception_handler(kind, answer)
    app.add_middleware(
        Guard, limits=limits, keys=keys, metrics=metrics, log=logger or logging.getLogger(log.NAME), says_id=says_id
    )
    app.openapi = partial(_document, app)  # type: ignore[method-assign]
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = document(app)
    return app.openapi_schema


def _operations(encoders: Encoders, finder: Finder, metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", response_model=shapes.Health, summary="The process answers; asks nobody else")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", response_model=shapes.Health, summary="Model and database answer too")
    async def readyz() -> dict[str, str]:
        await encoders.served()
        await finder.ping()
        return {"status": "ok"}

    @router.get("/metrics", response_class=Response, summary="Figures for Prometheus")
    async def figures() -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    return router
