"""A client of the Serve endpoint: embeddings, search and models, typed.

    with Client("http://127.0.0.1:8000", key="…") as client:
        page = client.search("a lion", k=5)
        more = client.search("a lion", k=5, cursor=page.next)

Everything it asks for may be asked twice, so it asks again by itself where the server is busy or a connection breaks.
For embeddings alone, any OpenAI client does too.
"""

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import numpy as np

from heaters.errors import HeatersError
from heaters.models.embedder import Vectors
from heaters.search import Hit, Page

TIMEOUT_SECONDS = 35.0  # the server's own limit is 30
_LONGEST_PAUSE_SECONDS = 10.0
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})

# Words, or a picture's file.
Input: TypeAlias = str | Path


class ServerError(HeatersError):
    """The endpoint refused or failed. `status` is 0 when it was not reached at all."""

    def __init__(
        self, message: str, *, status: int, code: str = "", param: str | None = None, request_id: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.request_id = request_id


class Refused(ServerError):
    """The request breaks a rule (4xx): asking again cannot help."""


class Unavailable(ServerError):
    """The endpoint was away or too busy for as long as we tried. `retry_after_seconds` is what it asked for."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that is served."""

    id: str
    dimensions: int
    device: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """Vectors, float32 [n, dimension], rows of length 1, and the identity of the model whose space they lie in."""

    model: str
    vectors: Vectors


class Client:
    """An endpoint. Threads may share it. `retries`: how often it asks again; `key`: a bearer key."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        key: str = "",
        retries: int = 4,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=url.rstrip("/").removesuffix("/v1"), headers=headers, timeout=timeout_seconds
        )
        self._retries = retries

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def embed(self, inputs: Sequence[Input], *, model: str = "default") -> Embeddings:
        """Texts and picture files → vectors in their order. Raises Refused and Unavailable."""
        items = [_data_url(item) if isinstance(item, Path) else item for item in inputs]
        answer = self._ask("POST", "/v1/embeddings", {"input": items, "model": model, "encoding_format": "base64"})
        rows = [np.frombuffer(base64.b64decode(entry["embedding"]), "<f4") for entry in answer["data"]]
        return Embeddings(model=answer["model"], vectors=np.stack(rows).astype(np.float32))

    def search(
        self,
        text: str | None = None,
        *,
        image: Path | None = None,
        clip: int | None = None,
        terms: Sequence[Mapping[str, Any]] = (),
        filters: Mapping[str, Any] | None = None,
        k: int = 10,
        cursor: str | None = None,
        **options: Any,
    ) -> Page:
        """A page of clips near to all that is given; the fields are those of `POST /v1/search`.

        Raises Refused and Unavailable.
        """
        body: dict[str, Any] = {"text": text, "clip": clip, "k": k, "cursor": cursor, "terms": list(terms), **options}
        if image is not None:
            body["image"] = _data_url(image)
        if filters:
            body["filters"] = dict(filters)
        answer = self._ask("POST", "/v1/search", {name: value for name, value in body.items() if value is not None})
        known = {spec.name for spec in fields(Hit)}
        hits = [Hit(**{name: _frozen(value) for name, value in hit.items() if name in known}) for hit in answer["hits"]]
        rest = {spec.name: answer[spec.name] for spec in fields(Page) if spec.name != "hits"}
        return Page(hits=tuple(hits), **rest)

    def models(self) -> list[Model]:
        """The models served."""
        names = [spec.name for spec in fields(Model)]
        return [Model(**{name: entry[name] for name in names}) for entry in self._ask("GET", "/v1/models")["data"]]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        for attempt in range(self._retries):
            try:
                return self._once(method, path, body)
            except Unavailable as error:
                time.sleep(min(error.retry_after_seconds or 0.2 * 2**attempt, _LONGEST_PAUSE_SECONDS))
        return self._once(method, path, body)

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            reply = self._http.request(method, path, json=body)
        except httpx.TransportError as error:
            raise Unavailable(
                f"{self._http.base_url} was not reached: {error or type(error).__name__}", status=0
            ) from error
        try:
            answer = reply.json()
        except ValueError as error:
            raise Unavailable(
                f"{self._http.base_url} did not answer in JSON; status {reply.status_code}", status=reply.status_code
            ) from error
        if reply.is_success:
            return answer
        raise _failure(reply, answer)


def _failure(reply: httpx.Response, answer: Any) -> ServerError:
    said = answer.get("error", {}) if isinstance(answer, dict) else {}
    facts: dict[str, Any] = {
        "status": reply.status_code,
        "code": said.get("code") or "",
        "param": said.get("param"),
        "request_id": reply.headers.get("x-request-id", ""),
    }
    message = f"{said.get('message') or 'no reason given'} (status {reply.status_code})"
    if reply.status_code not in _AGAIN:
        return Refused(message, **facts)
    wait = reply.headers.get("retry-after", "")
    return Unavailable(message, retry_after_seconds=float(wait) if wait.isdecimal() else None, **facts)


def _data_url(path: Path) -> str:
    """The file as it is: the server looks at what it holds, not at what it is called."""
    return f"data:image/{path.suffix[1:].lower() or 'jpeg'};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
