"""How the product is: in a word, in detail, in figures."""

from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import Response

from backend import __version__
from backend.api.dependencies import PartsDep
from backend.api.schemas.health import HealthStatus, SystemHealth
from backend.core.metrics import exposition
from backend.services.stores.rows import Record
from backend.services.upkeep.figures import exposition_of, figures

router = APIRouter(tags=["health"])

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get(
    "/health",
    response_model=HealthStatus,
    responses={503: {"model": HealthStatus, "description": "Unhealthy."}},
)
async def get_health(parts: PartsDep, response: Response) -> Record:
    """How the product is, in one word; always quick."""
    report = await parts.health.report()
    if report.status == "unhealthy":
        response.status_code = 503
    return {"status": report.status}


@router.get("/system/health", response_model=SystemHealth)
async def get_system_health(parts: PartsDep) -> Record:
    """How every part is, why, and since when."""
    report = await parts.health.report()
    return {**asdict(report), "live": True, "version": __version__}


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "Figures.", "content": {"text/plain": {}}}},
)
async def get_metrics(parts: PartsDep) -> Response:
    """Figures for Prometheus."""
    ledger = exposition_of(await figures(parts.transaction))
    return Response(exposition() + ledger, media_type=_METRICS_TYPE)
