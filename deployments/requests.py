"""What routes share about requests: the content type they take and the refusals they declare."""

from typing import Any

from fastapi import Request

from deployments import shapes
from deployments.problems import Problem

_REFUSALS = {
    400: "The request breaks a rule; `param` names the field.",
    401: "No key, or one that is not known.",
    404: "No such model, clip or path.",
    408: "The body did not arrive in time.",
    413: "The body, or a picture in it, is too large.",
    415: "The body is not JSON.",
    429: "This key has too many requests in work; see Retry-After.",
    500: "The server failed.",
    503: "All places are taken, or a part is away; see Retry-After.",
    504: "It took too long.",
}
EVERYWHERE = (401, 408, 429, 500, 503, 504)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that are no success, as FastAPI's `responses` takes them."""
    return {status: {"model": shapes.Error, "description": _REFUSALS[status]} for status in statuses}


async def json_only(request: Request) -> None:
    """Raise Problem 415 unless the body says that it is JSON. A web page of another site cannot say so unasked.

    A coroutine, although it waits for nothing: FastAPI would send a plain function through its threads, which took
    longer than all the rest of a request.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, f"Content-Type must be application/json; got {kind or 'none'!r}")
