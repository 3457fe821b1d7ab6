"""`POST /v1/embeddings` and `GET /v1/models`."""

import asyncio
import base64
from typing import Any

import numpy as np
import orjson
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from deployments import shapes
from deployments.encoder import Served
from deployments.limits import Limits
from deployments.pictures import is_picture, picture_bytes
from deployments.problems import Problem
from deployments.requests import json_only, refusals
from deployments.vectors import Input, Result, Vectoriser


def routes(vectoriser: Vectoriser, limits: Limits) -> APIRouter:
    """The routes, over these."""
    router = APIRouter(tags=["embeddings"])

    @router.post(
        "/v1/embeddings",
        response_model=shapes.EmbeddingsAnswer,
        responses=refusals(400, 404, 413, 415),
        dependencies=[Depends(json_only)],
        summary="Texts and pictures to vectors",
    )
    async def embeddings(body: shapes.EmbeddingsRequest, request: Request) -> Response:
        served = await vectoriser.encoders.served()
        check_model(body.model, served)
        if body.dimensions is not None and body.dimensions != served.dimension:
            raise Problem(
                400, f"dimensions: {served.model} has {served.dimension}, and cannot be cut", param="dimensions"
            )
        items = body.input if isinstance(body.input, list) else [body.input]
        inputs = await read_inputs(items, limits)
        result = await vectoriser.embed(inputs)
        note = {"inputs": len(inputs), "cached": result.cached, "model": result.model}
        request.scope["heaters"].update(note)
        return Response(_answer(inputs, result, body.encoding_format), media_type="application/json")

    @router.get("/v1/models", response_model=shapes.Models, summary="The models served")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(await vectoriser.encoders.served())]}

    @router.get("/v1/models/{model:path}", response_model=shapes.Model, responses=refusals(404), summary="One model")
    async def model(model: str) -> dict[str, Any]:
        served = await vectoriser.encoders.served()
        check_model(model, served)
        return _model(served)

    return router


def check_model(asked: str, served: Served) -> None:
    """Raise Problem 404 unless `asked` is the model served: its identity, that without @revision, or HEATERS_MODEL."""
    if asked not in ("default", served.name, served.model, served.model.partition("@")[0]):
        raise Problem(
            404, f"model: {asked!r} is not served here; {served.model} is", param="model", code="model_not_found"
        )


async def read_inputs(items: list[str | shapes.Picture], limits: Limits) -> list[Input]:
    """Texts, and the bytes of pictures, all within the limits. Raises Problem 400 or 413, naming the input."""
    if len(items) > limits.inputs:
        raise Problem(400, f"input: a request may have {limits.inputs} inputs; got {len(items)}", param="input")
    found: list[Input] = []
    pictures = pixels = 0
    for index, item in enumerate(items):
        name = "input" if len(items) == 1 else f"input.{index}"
        text = item if isinstance(item, str) else item.image
        if isinstance(item, shapes.Picture) or is_picture(text):
            pictures += 1
            if pictures > limits.pictures:
                raise Problem(400, f"input: a request may have {limits.pictures} pictures", param="input")
            data, count = await asyncio.to_thread(picture_bytes, text, limits, param=name)
            pixels += count
            if pixels > limits.request_pixels:
                raise Problem(
                    413, f"input: the pictures of a request may have {limits.request_pixels} pixels", param="input"
                )
            found.append(data)
        elif not text.strip():
            raise Problem(400, f"{name}: a text must have at least one letter", param=name)
        elif len(text) > limits.text_characters:
            rule = f"{name}: a text may have {limits.text_characters} characters; got {len(text)}"
            raise Problem(400, rule, param=name)
        else:
            found.append(text)
    return found


def _answer(inputs: list[Input], result: Result, encoding_format: str) -> bytes:
    vectors = np.ascontiguousarray(result.vectors, dtype="<f4")
    encoded: Any = vectors if encoding_format == "float" else [base64.b64encode(row).decode() for row in vectors]
    words = sum(len(item.split()) for item in inputs if isinstance(item, str))
    answer = {
        "object": "list",
        "data": [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(encoded)],
        "model": result.model,
        "usage": {"prompt_tokens": words, "total_tokens": words},
    }
    # orjson writes a float32 row as its shortest digits, in a twentieth of the standard library's time.
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _model(served: Served) -> dict[str, Any]:
    return {
        "id": served.model,
        "object": "model",
        "created": 0,  # a space has no date; clients want the field
        "owned_by": "heaters",
        "dimensions": served.dimension,
        "device": served.device,
        "note": served.note,
    }
