"""A model that another process keeps warm: `POST /v1/embeddings` in the OpenAI shape.

    {"model": "…", "input": ["a lion", {"image": "data:image/jpeg;base64,…"}], "encoding_format": "base64"}

Answers hold little-endian float32 in base64, and in `model` the identity `name@revision` of the space.
"""

import base64
import io
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from heaters.errors import ConfigError, ModelError
from heaters.models.embedder import Vectors, normalised

if TYPE_CHECKING:
    from PIL.Image import Image

TIMEOUT_SECONDS = 30.0
# Models see 224 to 384 pixels; more than twice that is only bytes on the way.
_LONGEST_SIDE = 1024
_QUALITY = 95


class RemoteEmbedder:
    """An endpoint's model. `wanted` is the `model` sent with each request; empty: whatever the endpoint serves."""

    def __init__(self, endpoint: str, *, key: str = "", wanted: str = "") -> None:
        self._url = endpoint.rstrip("/").removesuffix("/v1") + "/v1"
        self._key = key
        self._wanted = wanted
        self._model = ""

    @property
    def model(self) -> str:
        """The identity of the space the endpoint embeds into; asks it when nothing was embedded yet."""
        if not self._model:
            self.embed_texts(["a"])
        return self._model

    @property
    def note(self) -> str:
        """Where vectors come from, in a line."""
        return f"{self._model or 'the model'} at {self._url} (set by HEATERS_ENDPOINT)"

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        return self._embed(list(texts))

    def embed_images(self, images: "Sequence[Image]") -> Vectors:
        """See `Embedder`. Pictures larger than a model can see are made smaller before they are sent."""
        return self._embed([{"image": _data_url(image)} for image in images])

    def _embed(self, inputs: list[Any]) -> Vectors:
        body = {"model": self._wanted or "default", "input": inputs, "encoding_format": "base64"}
        answer = self._post("/embeddings", body)
        try:
            entries = sorted(answer["data"], key=lambda entry: entry["index"])
            rows = [np.frombuffer(base64.b64decode(entry["embedding"]), "<f4") for entry in entries]
            vectors = np.stack(rows).astype(np.float32)
            self._model = str(answer["model"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{self._url}/embeddings does not answer in OpenAI's shape: {error!r}") from error
        if len(vectors) != len(inputs):
            raise ModelError(f"{self._url}/embeddings must give {len(inputs)} vectors; got {len(vectors)}")
        return normalised(vectors)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode(errors="replace")
            if error.code in (401, 403):
                raise ConfigError(f"HEATERS_ENDPOINT={self._url} refuses HEATERS_ENDPOINT_KEY: {said}") from error
            raise ModelError(f"{self._url}{path} answered {error.code}: {said}") from error
        except (OSError, ValueError) as error:
            raise ModelError(f"HEATERS_ENDPOINT={self._url} could not be asked: {error}") from error


def _data_url(image: "Image") -> str:
    picture = image.convert("RGB")
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    memory = io.BytesIO()
    picture.save(memory, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(memory.getvalue()).decode()
