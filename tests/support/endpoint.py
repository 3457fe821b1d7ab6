"""The endpoint without Ray, for tests: the application over a stand-in model, called directly or behind uvicorn."""

import base64
import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI
from PIL import Image
from spaces import Axes

from deployments.app import create_app
from deployments.encoder import Encoder
from deployments.searching import Finder
from heaters.settings import Settings
from heaters.store.db import Database


class Model(Axes):
    """`Axes` as a loaded model. `before` runs in front of every batch: to wait, to fail, to count."""

    device, note = "cpu", "axes"

    def __init__(self, model: str = "axes@1", before: Callable[[list[Any]], None] = lambda _: None) -> None:
        super().__init__(model)
        self._before = before

    def embed_texts(self, texts: Any) -> Any:
        self._before(list(texts))
        return super().embed_texts(texts)

    def embed_images(self, images: Any) -> Any:
        self._before(list(images))
        return super().embed_images(images)


# For tests that ask for no clips: nobody listens there.
NO_DATABASE = "postgresql://127.0.0.1:1/none"


def endpoint(
    db: Database | None = None,
    settings: Settings | None = None,
    *,
    before: Callable[[list[Any]], None] = lambda _: None,
    **more: Any,
) -> FastAPI:
    """The application over `Model`, and a database where the test has one."""
    finder = Finder(db or Database(NO_DATABASE, patience_seconds=0.1), settings or Settings())
    return create_app(Encoder("axes", lambda name: Model(f"{name}@1", before)), finder, **more)


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """The application behind a real uvicorn on a free port; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=5))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def data_url(width: int = 8, height: int = 8, colour: tuple[int, int, int] = (3, 4, 5), kind: str = "PNG") -> str:
    """A picture of one colour as a data URL."""
    memory = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(memory, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(memory.getvalue()).decode()}"
