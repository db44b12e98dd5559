"""Makes the pipeline: settings -> parts -> pipeline. Nothing below knows what it is plugged into.

> A camera gives frames; a detector turns frames into detections; detections that belong together
> become one event; an analyst judges the event.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.core.breaker import Breaker
from backend.core.clock import Clock, SystemClock
from backend.core.config import Settings
from backend.core.content_store import ContentStore
from backend.core.database import Database, close_db, init_db
from backend.core.errors import Invalid
from backend.core.queue import StreamBells
from backend.core.redis import RedisClient, refuse_forgetting
from backend.core.supervisor import Supervisor
from backend.domain.events import EventRules
from backend.domain.frames import Lane
from backend.migrations.known import refuse_newer_schema
from backend.services.analysis.rules import RulesAnalyst
from backend.services.detection.claims import Claims
from backend.services.detection.colours import ColourEnricher
from backend.services.detection.enrichment import Enrichment
from backend.services.detection.examiner import Examiner
from backend.services.detection.movement import MovementEnricher
from backend.services.detection.opening import open_detector
from backend.services.detection.reader import PictureReader
from backend.services.detection.redraw import Redraw
from backend.services.detection.stage import DetectionStage, Results
from backend.services.detection.tracking import Tracker
from backend.services.events.closer import EventCloser
from backend.services.events.stage import EventStage
from backend.services.ingest.camera_folders import CameraFolders
from backend.services.ingest.floods import looked_at_since
from backend.services.ingest.folder_watcher import FolderScanner, FolderWatcher
from backend.services.ingest.originals import Originals
from backend.services.ingest.picture_disk import PictureDisk
from backend.services.ingest.reading import Limits
from backend.services.ingest.restored_folders import RestoredFolders
from backend.services.ingest.stage import Ingest, Intake
from backend.services.live.relay import OutboxRelay
from backend.services.upkeep.fsck import Checks, Fsck
from backend.services.upkeep.heartbeat import Heartbeat
from backend.services.upkeep.picture_check import PictureCheck
from backend.services.upkeep.reconciler import Reconciler
from backend.services.upkeep.redis_watch import RedisWatch
from backend.services.upkeep.sweep import Sweep
from backend.services.upkeep.thumbnail_check import ThumbnailCheck
from backend.services.upkeep.work_check import WorkCheck


@dataclass(frozen=True, slots=True)
class Folders:
    """Where things lie below the data folder, and where the cameras' files come."""

    media_root: Path
    pictures: Path
    thumbnails: Path
    logs: Path


def folders(settings: Settings) -> Folders:
    """The folders that follow from the settings."""
    data = settings.data
    return Folders(settings.media_root, data / "pictures", data / "thumbnails", data / "logs")


@asynccontextmanager
async def services(settings: Settings) -> AsyncIterator[tuple[Database, RedisClient]]:
    """PostgreSQL and Redis, closed in the end; they may be away, and come later.

    Raises as `refuse_unfit_servers`.
    """
    await refuse_unfit_servers(settings)
    database_url, redis_url = server_urls(settings)
    database = await init_db(database_url)
    redis = RedisClient(redis_url, prefix=settings.redis.prefix)
    try:
        yield database, redis
    finally:
        await redis.close()
        await close_db()


async def refuse_unfit_servers(settings: Settings) -> None:
    """Raise Invalid for a Redis that throws keys away, and Conflict for a newer schema."""
    database_url, redis_url = server_urls(settings)
    await refuse_forgetting(redis_url)
    await refuse_newer_schema(database_url)


def server_urls(settings: Settings) -> tuple[str, str]:
    """Where PostgreSQL and Redis are. Raises Invalid where that is not set."""
    return _secret(settings, "database_url"), _secret(settings, "redis_url")


def _secret(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if value is None:
        raise Invalid(
            f"{name.upper()} is not set: `hsi up` brings servers of its own",
            code="settings.invalid",
        )
    secret: str = value.get_secret_value()
    return secret


@dataclass(frozen=True, slots=True)
class _Files:
    """The pictures' copies and thumbnails, and what looks after them."""

    pictures: ContentStore
    limits: Limits
    originals: Originals
    picture_check: PictureCheck
    thumbnail_check: ThumbnailCheck


def _files(settings: Settings, database: Database, clock: Clock) -> _Files:
    places = folders(settings)
    pictures = ContentStore(places.pictures)
    limits = Limits(settings.ingest.max_file_bytes, settings.ingest.max_pixels)
    originals = Originals(places.media_root, pictures, database, limits)
    redraw = Redraw(database, pictures, places.thumbnails)
    return _Files(
        pictures,
        limits,
        originals,
        PictureCheck(database, pictures, originals, clock),
        ThumbnailCheck(database, places.thumbnails, redraw),
    )


def make_fsck(
    settings: Settings, database: Database, redis: RedisClient, *, newest_migration: str
) -> Fsck:
    """What looks at all that the product keeps, whether the product runs or not."""
    clock = SystemClock()
    files = _files(settings, database, clock)
    bells = StreamBells(redis, [Lane.LIVE, Lane.BACKLOG], hearer="fsck")
    work = WorkCheck(
        database,
        redis,
        clock,
        reconcile=Reconciler(database, bells, clock).reconcile,
        relay=OutboxRelay(database, redis, clock).relay,
    )
    checks = Checks(files.picture_check, files.thumbnail_check, work)
    return Fsck(database, files.pictures, checks, clock, newest=newest_migration)


async def run_pipeline(
    settings: Settings,
    database: Database,
    redis: RedisClient,
    *,
    worker: str,
    ready: Callable[[], None],
) -> None:
    """The sentence: from files to judged events, until it is cancelled.

    `ready` is called once all parts are made: what fails later is tried again.
    """
    clock = SystemClock()
    places = folders(settings)
    bells = StreamBells(redis, [Lane.LIVE, Lane.BACKLOG], hearer=worker)
    relay = OutboxRelay(database, redis, clock)
    detector = open_detector(
        settings.detector.model,
        threads=settings.detector.threads,
        confidence=settings.detector.confidence_threshold,
    )
    files = _files(settings, database, clock)
    disk = PictureDisk(files.pictures, database, clock)
    intake = Intake(
        root=places.media_root,
        store=files.pictures,
        limits=files.limits,
        zone=settings.time_zone,
        remove_after_import=settings.ingest.remove_after_import,
        flood_after=settings.ingest.flood_after,
        check_disk=disk.check,
        looked_at_since=lambda: looked_at_since(supervisor.states.get("detect"), breaker.view),
    )
    watcher = FolderWatcher(
        places.media_root,
        clock,
        polling=settings.ingest.polling,
        poll_seconds=settings.ingest.poll_interval.total_seconds(),
    )
    scanner = FolderScanner(places.media_root, clock, watcher)
    restored = RestoredFolders(places.media_root, database, clock)
    rules = EventRules(idle=settings.batch_idle_timeout, longest=settings.event_max)

    ingest = Ingest(intake, database, bells, clock)
    events = EventStage(rules, RulesAnalyst(), clock)
    reconciler = Reconciler(database, bells, clock)
    breaker = Breaker("detector", clock, closed=reconciler.hasten)
    enrichment = Enrichment((MovementEnricher(), ColourEnricher()), clock)
    detection = DetectionStage(
        Claims(database, clock, worker),
        Examiner(
            detector,
            PictureReader(files.pictures, originals=files.originals),
            Tracker(settings.time_zone, enrichment, idle=rules.idle),
            places.thumbnails,
            breaker,
        ),
        Results(database, events, clock, settings.time_zone),
        bells,
        relay.told,
    )
    closer = EventCloser(database, clock, rules.idle, relay.told)

    supervisor = Supervisor(clock)

    def redis_is_back() -> None:
        supervisor.wake()
        reconciler.hasten()
        relay.told()

    async def detect() -> None:
        await disk.check()
        reconciler.hasten()  # for what rang while it could not work
        await detection.run()

    supervisor.add("watch", lambda: ingest.run(watcher))
    supervisor.add("scan", lambda: ingest.run(scanner))
    supervisor.add("restored", lambda: ingest.run(restored))
    supervisor.add("folders", CameraFolders(places.media_root, database, clock).run)
    supervisor.add("disk", disk.run)
    supervisor.add("detect", detect)
    supervisor.add("close", closer.run)
    supervisor.add("relay", relay.run)
    supervisor.add("reconcile", reconciler.run)
    supervisor.add(
        "sweep",
        Sweep(database, files.picture_check, files.thumbnail_check, clock, disk.check).run,
    )
    supervisor.add("redis", RedisWatch(redis, clock, redis_is_back).run)

    def details() -> dict[str, Any]:
        state = watcher.state
        return {
            "detector": detector.name,
            "media_root": str(places.media_root),
            "watched_folders": state.folders,
            "polled_folders": state.polled,
            "unseen_folders": state.unseen,
            "scanned_at": state.scanned_at,
            "enrichers": enrichment.states(),
            "breakers": {one.name: one.view for one in (ingest.breaker, breaker)},
        }

    heartbeat = Heartbeat(redis, clock, worker, supervisor, details)
    supervisor.add("heartbeat", heartbeat.run)
    try:
        ready()
        await supervisor.run()
    finally:
        detector.close()
