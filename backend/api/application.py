"""The application: routes, errors and middleware, and its documentation.

What the routes work with, `main` puts into `application.state.parts`.
"""

from collections.abc import Collection
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.types import Lifespan

from backend import __version__
from backend.api.dependencies import refuse_repeated_members, refuse_wrong_query
from backend.api.error_handlers import add_error_handlers
from backend.api.middleware import middleware
from backend.api.problems import problems
from backend.api.routes import (
    cameras,
    detections,
    dlq,
    documentation,
    drawings,
    enrichment,
    events,
    fates,
    frames,
    health,
    live,
    media,
    quarantine,
    scene,
    suppressions,
    tracks,
)
from backend.api.schemas.problem import Problem

_TITLE = "Home Security Intelligence"
_ABOUT = f"""\
Cameras give frames; what is found in them becomes events; every event is judged, with reasons.

**Lists** are pages `{{"items": […], "next_cursor": "…"}}`: send the cursor back as `cursor` for the
next page, `limit` (1 to 200) for its size. A parameter that an operation does not have, or
that is given twice, is refused.

**Errors** are problem documents (RFC 9457, `application/problem+json`) with a stable `code`.
Times are ISO 8601 with a zone, like `2026-03-01T12:00:00Z`; a `+` in an address is written `%2B`.

**Access.** There is no login yet: only programs on this machine are answered, and only pages of
this very address may change something.

{live.ABOUT}"""
_TAGS = [
    {"name": "cameras", "description": "Sources of frames, one folder each."},
    {"name": "zones", "description": "Parts of a camera's picture that have a meaning."},
    {"name": "lines", "description": "Lines over a camera's picture that may be crossed."},
    {"name": "masks", "description": "Parts of a camera's picture that nobody may see."},
    {"name": "events", "description": "What happened, how it was judged, and why."},
    {"name": "detections", "description": "Objects found in frames."},
    {"name": "tracks", "description": "What one thing did, over several frames."},
    {"name": "enrichment", "description": "What else can be said of a detection, and by whom."},
    {"name": "scene", "description": "What stands there anyway, and what is never what it seems."},
    {"name": "frames", "description": "Every picture that came, and what became of it."},
    {"name": "media", "description": "The pictures themselves."},
    {"name": "quarantine", "description": "Files that are no frames, and why."},
    {"name": "dead letters", "description": "Work that was given up, to be replayed or discarded."},
    {"name": "health", "description": "How the product is."},
]
# `fates` before `frames`, whose paths begin with any number or word.
_NOUNS = (
    *(cameras, scene, suppressions, events, detections, tracks, enrichment),
    *(fates, frames, media, quarantine, dlq, health),
)


class Application(FastAPI):
    """FastAPI, whose document also has the problem that every operation may answer with."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document; made once."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title,
                version=self.version,
                description=self.description,
                tags=self.openapi_tags,
                routes=self.routes,
            )
            schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = document["components"]["schemas"]
            schemas |= schema.pop("$defs")
            schemas["Problem"] = schema
            self.openapi_schema = document
        return self.openapi_schema


def build(
    *, allowed_hosts: Collection[str] = (), lifespan: Lifespan[Any] | None = None
) -> Application:
    """An application that answers requests for loopback names and `allowed_hosts`."""
    application = Application(
        title=_TITLE,
        version=__version__,
        description=_ABOUT,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        middleware=middleware(allowed_hosts),
        lifespan=lifespan,
    )
    add_error_handlers(application)
    api = APIRouter(
        prefix="/api",
        dependencies=[Depends(refuse_wrong_query), Depends(refuse_repeated_members)],
        responses=problems(400, 422, 500, 503),
    )
    for router in (*(noun.router for noun in _NOUNS), *drawings.routers):
        api.include_router(router)
    application.include_router(api)
    application.include_router(live.router)
    application.include_router(documentation.router)
    return application


def _operation_id(route: APIRoute) -> str:
    return route.name
