"""The routes of the Submit tab."""

from fastapi import APIRouter

from ui.context import Context


def router(context: Context) -> APIRouter:
    """The routes under /api/submit."""
    del context
    return APIRouter(prefix="/api/submit")
