"""Quarantined files."""

from fastapi import APIRouter

from backend.api.dependencies import PagingDep, SessionDep
from backend.api.schemas.quarantine import QuarantinePage
from backend.services.stores import quarantine
from backend.services.stores.rows import Record

router = APIRouter(prefix="/quarantine", tags=["quarantine"])


@router.get("", response_model=QuarantinePage)
async def list_quarantine(session: SessionDep, paging: PagingDep) -> Record:
    """Files below the media root that are no frames, and why; the newest record first.

    A file leaves the list once it has changed and become a frame.
    """
    before = paging.after_id("quarantine")
    rows = await quarantine.page(session, before=before, limit=paging.fetch)
    return paging.page("quarantine", rows, "id")
