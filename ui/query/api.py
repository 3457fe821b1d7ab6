"""The routes of the Query tab."""

from fastapi import APIRouter

from ui.context import Context


def router(context: Context) -> APIRouter:
    """The routes under /api/query."""
    del context
    return APIRouter(prefix="/api/query")
