"""`POST /v1/search`: terms → clips. Queries run in threads, and get their vectors from the endpoint's own model."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from deployments import shapes
from deployments.embeddings import read_inputs
from deployments.limits import Limits
from deployments.pictures import decoded
from deployments.requests import json_only, refusals
from deployments.vectors import Vectoriser
from heaters.core.facts import parsed
from heaters.models.embedder import Vectors
from heaters.search import Filters, Page, Query, QueryEmbedder, Search, Term
from heaters.settings import Settings
from heaters.store.db import Database

if TYPE_CHECKING:
    from PIL.Image import Image

# Queries in the database at a time, in one replica; others wait in line.
QUERIES_AT_ONCE = 8


class WarmModel:
    """The endpoint's model as search wants one: called in a query's thread, worked on in the endpoint's loop."""

    def __init__(self, vectoriser: Vectoriser, files: dict[int, bytes]) -> None:
        self._vectoriser = vectoriser
        self._files = files  # by the id of the decoded picture: towers take files, search takes pictures
        self._loop = asyncio.get_running_loop()
        self.used = ""

    @property
    def model(self) -> str:
        """See `QueryEmbedder`. After something was embedded: the model that did it."""
        if not self.used:
            return asyncio.run_coroutine_threadsafe(self._vectoriser.encoders.served(), self._loop).result().model
        return self.used

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """See `QueryEmbedder`."""
        return self._embed(texts)

    def embed_images(self, images: "Sequence[Image]") -> Vectors:
        """See `QueryEmbedder`; of pictures whose files were given."""
        return self._embed([self._files[id(image)] for image in images])

    def _embed(self, inputs: Sequence[str | bytes]) -> Vectors:
        result = asyncio.run_coroutine_threadsafe(self._vectoriser.embed(inputs), self._loop).result()
        self.used = result.model
        return result.vectors


class Finder:
    """Search over one database. It may be used from one event loop."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._threads = ThreadPoolExecutor(QUERIES_AT_ONCE, "search")

    async def run(self, query: Query, model: QueryEmbedder, name: str) -> Page:
        """See `Search.run`; in the space of the model that is served, `name` as HEATERS_MODEL would have it."""
        search = Search(self._database, replace(self._settings, model=name), embedder=model)
        return await asyncio.get_running_loop().run_in_executor(self._threads, search.run, query)

    async def ping(self) -> None:
        """Raise StoreError or ConfigError unless the database answers."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._ping)

    def _ping(self) -> None:
        with self._database.transaction():
            pass


def routes(finder: Finder, vectoriser: Vectoriser, limits: Limits) -> APIRouter:
    """The route, over these."""
    router = APIRouter(tags=["search"])

    @router.post(
        "/v1/search",
        response_model=shapes.SearchAnswer,
        responses=refusals(400, 413, 415),
        dependencies=[Depends(json_only)],
        summary="Words, pictures and clips to the nearest clips",
    )
    async def search(body: shapes.SearchRequest, request: Request) -> Response:
        files: dict[int, bytes] = {}
        terms = await _terms(body.all_terms(), limits, files)
        filters: dict[str, Any] = {name: _tuple(value) for name, value in body.filters.model_dump().items()}
        filters["facts"] = parsed(body.filters.facts)
        query = Query(
            terms=terms,
            filters=Filters(**filters),
            k=body.k,
            cursor=body.cursor,
            model="" if body.model == "default" else body.model,
            strategy=body.strategy,
            collapse=body.collapse,
            exclude=tuple(body.exclude),
            exact=body.exact,
        )
        served = await vectoriser.encoders.served()
        page = await finder.run(query, WarmModel(vectoriser, files), served.name)
        request.scope["heaters"].update(hits=len(page.hits), how=page.how, model=page.model)
        return Response(orjson.dumps({"object": "list", **asdict(page)}), media_type="application/json")

    return router


async def _terms(given: list[shapes.Term], limits: Limits, files: dict[int, bytes]) -> tuple[Term, ...]:
    """The terms as search takes them; `files` gets each picture's file. Raises Problem and UsageError."""
    found = []
    for term in given:
        if term.text is not None:
            found.append(Term.text(term.text, weight=term.weight))
        elif term.clip is not None:
            found.append(Term.clip(term.clip, weight=term.weight))
        else:
            data = (await read_inputs([shapes.Picture(image=term.image or "")], limits))[0]
            assert isinstance(data, bytes)
            picture = await asyncio.to_thread(decoded, data)
            files[id(picture)] = data
            found.append(Term.image(picture, weight=term.weight))
    return tuple(found)


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
