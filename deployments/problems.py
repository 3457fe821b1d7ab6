"""The one error shape of the endpoint, OpenAI's: `{"error": {"message", "type", "param", "code"}}`."""

from typing import Any

import orjson
import psycopg
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from heaters.errors import HeatersError, RuleError, TransientError, UsageError

# What PostgreSQL cannot hold: a client's value, for nothing of ours goes there unchecked.
UNFIT = (psycopg.DataError, UnicodeEncodeError)
INTERNAL = "the server failed; the request id is in its log"
_CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_too_slow",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "too_many_requests",
    503: "overloaded",
    504: "timeout",
}
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_MOST_MESSAGE_CHARACTERS = 500


class Problem(HeatersError):
    """A request that is answered with an error. `param` names the field, `retry_after_seconds` goes into the header."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or _CODES.get(status, "internal_error" if status >= 500 else "invalid_request")
        self.param = param
        self.retry_after_seconds = retry_after_seconds

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled whole: it crosses from one Serve deployment to another."""
        return _rebuilt, (self.status, str(self), self.code, self.param, self.retry_after_seconds)

    def headers(self) -> dict[str, str]:
        """The headers that belong to the answer."""
        found = {}
        if self.retry_after_seconds is not None:
            found["Retry-After"] = str(self.retry_after_seconds)
        if self.status == 401:
            found["WWW-Authenticate"] = "Bearer"
        return found

    def body(self) -> bytes:
        """The JSON answer."""
        kind = _TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        error = {"message": _printable(str(self)), "type": kind, "param": self.param, "code": self.code}
        if self.param is not None:
            error["param"] = _printable(self.param)
        return orjson.dumps({"error": error})

    def response(self) -> Response:
        """The answer."""
        return Response(self.body(), self.status, self.headers(), media_type="application/json")


def _rebuilt(status: int, message: str, code: str, param: str | None, retry_after_seconds: int | None) -> Problem:
    return Problem(status, message, code=code, param=param, retry_after_seconds=retry_after_seconds)


def _printable(text: str) -> str:
    """What a client sent may come back in a message, cut short and without halves of surrogate pairs."""
    return text[:_MOST_MESSAGE_CHARACTERS].encode("utf-8", "replace").decode()


def problem_of(error: BaseException) -> Problem:
    """What an error looks like from outside. What we do not know is a 500, and its text stays in the log."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return Problem(error.status_code, _http_message(error))
    if isinstance(error, UsageError | RuleError):
        return Problem(400, str(error))
    if isinstance(error, UNFIT):
        return Problem(400, "a value holds what cannot be looked for (a NUL, a broken character, a huge number)")
    if isinstance(error, TransientError):
        return Problem(503, "a part of the server is away", code="unavailable", retry_after_seconds=2)
    return Problem(500, INTERNAL)


def _invalid(error: RequestValidationError) -> Problem:
    first = error.errors()[0]
    where = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    if first["type"] == "json_invalid":
        return Problem(
            400, f"the body must be JSON: {first.get('ctx', {}).get('error', 'it is not')}", code="invalid_json"
        )
    rule = str(first["msg"]).removeprefix("Value error, ")
    name = ".".join(where)
    return Problem(400, f"{name}: {rule}" if name else f"the body: {rule}", param=name or None)


def _http_message(error: HTTPException) -> str:
    if error.status_code == 404:
        return "there is nothing here; /openapi.json lists what there is"
    if error.status_code == 405:
        return "this path has another method; see Allow"
    return str(error.detail)


async def answer(_: Request, error: Exception) -> Response:
    """FastAPI's exception handler for everything that is a client's fault or expected."""
    response = problem_of(error).response()
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response
