"""The routes of the Review tab."""

from fastapi import APIRouter

from ui.context import Context


def router(context: Context) -> APIRouter:
    """The routes under /api/review."""
    del context
    return APIRouter(prefix="/api/review")
