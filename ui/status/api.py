"""The routes of the Status tab."""

from fastapi import APIRouter

from ui.context import Context


def router(context: Context) -> APIRouter:
    """The routes under /api/status."""
    del context
    return APIRouter(prefix="/api/status")
