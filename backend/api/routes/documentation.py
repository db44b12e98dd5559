"""The API's documentation."""

from functools import lru_cache

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse

from backend.api import documentation

router = APIRouter(include_in_schema=False)


@router.get("/", response_class=RedirectResponse)
async def root() -> RedirectResponse:
    """Lead to the documentation, until there is a dashboard."""
    return RedirectResponse("/docs")


@router.get("/docs", response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    """What the API can do, for people."""
    headers = {"Content-Security-Policy": documentation.POLICY}
    return HTMLResponse(_page(request.app), headers=headers)


@lru_cache(maxsize=1)
def _page(application: FastAPI) -> str:
    return documentation.page(application.openapi())
