"""The OpenAPI document: what FastAPI derives from the routes, with the keys and without answers that we never give."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi


def document(app: FastAPI) -> dict[str, Any]:
    """The document of an application."""
    made = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    for path in made["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)  # ours are 400, as OpenAI's
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    made["security"] = [{"key": []}, {}]  # none where the endpoint serves its own machine alone
    return made
