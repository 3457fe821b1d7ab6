"""What the Serve benchmark compares with: plain FastAPI + uvicorn, our application without Ray, other batching.

python benchmarks/serve_rivals.py plain|application PORT        # one server in this process
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from deployments.app import create_app
from deployments.encoder import MOST_TEXTS, Embedded, Encoder
from deployments.searching import Finder
from deployments.serving import Tower
from heaters.models.embedder import Embedder, load_embedder
from heaters.settings import Settings, load
from heaters.store.db import Database


class Body(BaseModel):
    """What a first version would take."""

    input: str
    encoding_format: str = "float"


def model(settings: Settings) -> Embedder:
    """The same model for all."""
    return load_embedder(settings.model, cache=settings.home / "models", device="cpu")


def plain(settings: Settings) -> FastAPI:
    """The endpoint as one writes it in ten minutes: no batching, no limits, a thread of FastAPI's pool a request."""
    app, loaded = FastAPI(), model(settings)

    @app.post("/v1/embeddings")
    def embeddings(body: Body) -> dict[str, Any]:
        vector = loaded.embed_texts([body.input])[0]
        return {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": vector.tolist()}]}

    return app


def application(settings: Settings) -> FastAPI:
    """Ours, without Ray around it."""
    encoder = Encoder(settings.model, lambda _: model(settings))
    return create_app(encoder, Finder(Database("postgresql://127.0.0.1:1/none"), settings))


class Unbatched(Tower):
    """One forward pass a request."""

    async def texts(self, texts: list[str]) -> Embedded:
        """See `Tower`."""
        import asyncio

        encoder = self._ready()
        loop = asyncio.get_running_loop()
        vectors = await loop.run_in_executor(encoder._model_thread, encoder._embedder.embed_texts, texts)
        return Embedded(model=encoder._embedder.model, vectors=vectors)


def serve_batched(wait_seconds: float) -> type[Tower]:
    """A tower that batches with Ray's own decorator."""
    from ray import serve

    class ServeBatched(Tower):
        async def texts(self, texts: list[str]) -> Embedded:
            vector, name = await self._together(texts[0])
            return Embedded(model=name, vectors=np.stack([vector]))

        @serve.batch(max_batch_size=MOST_TEXTS, batch_wait_timeout_s=wait_seconds)
        async def _together(self, texts: Sequence[str]) -> list[tuple[Any, str]]:
            import asyncio

            encoder = self._ready()
            loop = asyncio.get_running_loop()
            vectors = await loop.run_in_executor(encoder._model_thread, encoder._embedder.embed_texts, list(texts))
            return [(vector, encoder._embedder.model) for vector in vectors]

    return ServeBatched


def main() -> None:
    """Serve one of them."""
    made = {"plain": plain, "application": application}[sys.argv[1]](load())
    Path(load().home).mkdir(parents=True, exist_ok=True)
    uvicorn.run(made, port=int(sys.argv[2]), log_level="critical", access_log=False)


if __name__ == "__main__":
    main()
