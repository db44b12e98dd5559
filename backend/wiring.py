"""Makes the pipeline: settings -> parts -> pipeline. Nothing below knows what it is plugged into.

> A camera gives frames; a detector turns frames into detections; detections that belong together
> become one event; an analyst judges the event.
"""

import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from backend.core.breaker import Breaker
from backend.core.clock import Clock, SystemClock
from backend.core.config import Settings
from backend.core.content_store import ContentStore
from backend.core.database import Database, close_db, init_db
from backend.core.disk_threads import DiskThreads, InThread
from backend.core.errors import Invalid
from backend.core.pace import Pace
from backend.core.queue import StreamBells
from backend.core.redis import RedisClient, refuse_forgetting
from backend.core.supervisor import Supervisor
from backend.domain.events import EventRules
from backend.domain.frames import Lane
from backend.migrations.known import refuse_newer_schema, refuse_unknown
from backend.services.analysis.rules import RulesAnalyst
from backend.services.detection.claims import Claims
from backend.services.detection.colours import ColourEnricher
from backend.services.detection.detector_service import ServicePlace, open_service
from backend.services.detection.enrichment import Enrichment
from backend.services.detection.examiner import Examiner
from backend.services.detection.models.awaited import AwaitedModel
from backend.services.detection.models.folder import Chosen, ModelFolder
from backend.services.detection.movement import MovementEnricher
from backend.services.detection.opening import (
    breakers_of,
    engine_of,
    open_detector,
)
from backend.services.detection.reader import PictureReader
from backend.services.detection.redraw import Redraw
from backend.services.detection.stage import DetectionStage, Results
from backend.services.detection.switching import DetectorInUse, ModelSwitch, Open
from backend.services.detection.timed import TimedDetector
from backend.services.detection.tracking import Tracker
from backend.services.events.closer import EventCloser
from backend.services.events.stage import EventStage
from backend.services.ingest.camera_folders import CameraFolders
from backend.services.ingest.floods import looked_at_since
from backend.services.ingest.folder_watcher import FolderScanner, FolderWatcher, WatchState
from backend.services.ingest.late import LateFiles
from backend.services.ingest.originals import Originals
from backend.services.ingest.picture_disk import PictureDisk
from backend.services.ingest.reading import Limits
from backend.services.ingest.restored_folders import RestoredFolders
from backend.services.ingest.stage import FrameSource, Ingest, Intake
from backend.services.ingest.tree_watch import TreeWatch
from backend.services.live.relay import OutboxRelay
from backend.services.upkeep.fitness import Fitness
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
    models: Path


def folders(settings: Settings) -> Folders:
    """The folders that follow from the settings."""
    data = settings.data
    return Folders(
        settings.media_root,
        data / "pictures",
        data / "thumbnails",
        data / "logs",
        data / "models",
    )


def model_of(settings: Settings) -> Chosen:
    """The model that a worker takes at its start; none where it sees motion alone, or where it asks
    a service.

    Raises Invalid where it cannot be known which one is in use.
    """
    if settings.detector.urls:
        if settings.detector.model is not None:
            raise Invalid(
                "DETECTOR__MODEL and DETECTOR__URLS are both set: it is one or the other",
                code="settings.invalid",
            )
        return Chosen()
    if settings.detector.model is not None:
        return Chosen(settings.detector.model)
    return ModelFolder(folders(settings).models).chosen()


_LOCK_SECONDS = 3.0


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


@asynccontextmanager
async def database_for_requests(settings: Settings) -> AsyncIterator[Database]:
    """Connections that requests share, so that what the API does by itself goes on while all of
    them wait; and they wait for no lock longer than who asked would.
    """
    database_url, _ = server_urls(settings)
    database = Database(database_url, lock_seconds=_LOCK_SECONDS)
    try:
        yield database
    finally:
        await database.close()


async def refuse_unfit_servers(settings: Settings) -> None:
    """Raise Invalid for a Redis that throws keys away, and Conflict for a newer schema."""
    database_url, redis_url = server_urls(settings)
    await refuse_forgetting(redis_url)
    await refuse_newer_schema(database_url)


def fitness_of(database: Database, redis: RedisClient) -> Fitness:
    """What sees whether both are still fit, while we work."""
    return Fitness(database, redis, SystemClock(), refuse_unknown)


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


_PATIENCE = {"media": 60.0, "pictures": 30.0}
"""Seconds for an answer of a worker's disks: the cameras' may be far away."""
_DISKS = {"media": "the cameras' folder", "pictures": "the folder of the pictures"}
_SLOW_DISK = 1 / 15  # of the patience
_SLOW_DETECTOR = 1.0  # seconds for a picture; it is to be known within two what came


def disk_threads(name: str, clock: Clock, *, patience: float) -> DiskThreads:
    """The threads for one of the two disks, `media` or `pictures`."""
    pace = Pace(clock, limit=patience * _SLOW_DISK)
    return DiskThreads(name, _DISKS[name], pace, patience=patience)


@dataclass(frozen=True, slots=True)
class _Files:
    """The pictures' copies and thumbnails, what looks after them, and the threads for the disks."""

    pictures: ContentStore
    limits: Limits
    in_media: DiskThreads
    in_pictures: DiskThreads
    originals: Originals
    picture_check: PictureCheck
    thumbnail_check: ThumbnailCheck


def _files(settings: Settings, database: Database, clock: Clock) -> _Files:
    places = folders(settings)
    pictures = ContentStore(places.pictures)
    limits = Limits(settings.ingest.max_file_bytes, settings.ingest.max_pixels)
    in_media, in_pictures = (
        disk_threads(name, clock, patience=_PATIENCE[name]) for name in ("media", "pictures")
    )
    originals = Originals(places.media_root, pictures, database, limits, in_media.run)
    redraw = Redraw(database, pictures, places.thumbnails)
    return _Files(
        pictures,
        limits,
        in_media,
        in_pictures,
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


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where files come from, all below the media root."""

    watcher: FolderWatcher
    scanner: FolderScanner
    restored: RestoredFolders
    folders: CameraFolders


def _sources(settings: Settings, database: Database, clock: Clock, in_thread: InThread) -> _Sources:
    root = folders(settings).media_root
    watcher = FolderWatcher(
        root,
        clock,
        polling=settings.ingest.polling,
        poll_seconds=settings.ingest.poll_interval.total_seconds(),
        open_tree=partial(TreeWatch, in_thread=in_thread),
        in_thread=in_thread,
    )
    return _Sources(
        watcher,
        FolderScanner(root, clock, watcher, in_thread),
        RestoredFolders(root, database, clock, in_thread),
        CameraFolders(root, database, clock, in_thread),
    )


def _opener(settings: Settings) -> Open:
    """What opens the detector in a file."""
    chosen = settings.detector
    return partial(
        open_detector,
        threads=chosen.threads,
        confidence=chosen.confidence_threshold,
        runtime=chosen.runtime,
        patience=chosen.timeout.total_seconds(),
    )


async def _chosen_detector(settings: Settings, clock: Clock) -> DetectorInUse:
    """The service where addresses are set; else the model's file, or motion."""
    model, chosen = model_of(settings), settings.detector
    if not chosen.urls:
        return DetectorInUse(await _opener(settings)(model.file), model)
    place = ServicePlace(
        chosen.urls,
        sight=chosen.sight,
        timeout=chosen.timeout.total_seconds(),
        api_key=chosen.api_key.get_secret_value() if chosen.api_key else None,
        ca_file=chosen.ca_file,
    )
    service = open_service(place, clock, confidence=chosen.confidence_threshold)
    return DetectorInUse(service, model)


def _add_models(
    supervisor: Supervisor,
    settings: Settings,
    detector: DetectorInUse,
    detection: DetectionStage,
    in_thread: InThread,
) -> AwaitedModel | None:
    """Let a worker take up what `hsi models use` says, and fetch the model that is awaited; neither
    where a setting goes before.
    """
    if settings.detector.model is not None or settings.detector.urls:
        return None
    models, clock = ModelFolder(folders(settings).models), SystemClock()
    switch = ModelSwitch(models, detector, _opener(settings), detection.turn, clock, in_thread)
    supervisor.add("models", switch.run)
    if settings.models.auto_download is False:
        return None
    command = (sys.executable, "-P", "-m", "backend.cli", "models", "fetch-awaited")
    awaited = AwaitedModel(
        models,
        (*command, "--data", str(settings.data)),
        clock,
        asks_first=bool(settings.models.auto_download),
        in_thread=in_thread,
    )
    supervisor.add("awaited model", awaited.run)
    return awaited


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
    detector = await _chosen_detector(settings, clock)
    files = _files(settings, database, clock)
    disk = PictureDisk(files.pictures, database, clock, files.in_pictures.run)
    intake = Intake(
        root=places.media_root,
        store=files.pictures,
        limits=files.limits,
        zone=settings.time_zone,
        remove_after_import=settings.ingest.remove_after_import,
        flood_after=settings.ingest.flood_after,
        check_disk=disk.check,
        looked_at_since=lambda: looked_at_since(
            supervisor.states.get("detect"), breaker.view, clock
        ),
        in_media_thread=files.in_media.run,
        in_store_thread=files.in_pictures.run,
    )
    sources = _sources(settings, database, clock, files.in_media.run)
    rules = EventRules(idle=settings.batch_idle_timeout, longest=settings.event_max)

    ingest = Ingest(intake, database, bells, clock)
    reconciler = Reconciler(database, bells, clock)
    bells.unsure = reconciler.hasten
    breaker = Breaker("detector", clock, closed=reconciler.hasten)
    pace = Pace(clock, limit=_SLOW_DETECTOR)
    enrichment = Enrichment((MovementEnricher(), ColourEnricher()), clock)
    in_pictures = files.in_pictures.run
    detection = DetectionStage(
        Claims(database, clock, worker),
        Examiner(
            TimedDetector(detector, pace),
            PictureReader(files.pictures, originals=files.originals, in_thread=in_pictures),
            Tracker(settings.time_zone, enrichment, idle=rules.idle),
            places.thumbnails,
            breaker,
            in_pictures,
        ),
        Results(database, EventStage(rules, RulesAnalyst(), clock), clock, settings.time_zone),
        bells,
        relay.told,
    )

    supervisor = Supervisor(clock)

    def redis_is_back() -> None:
        supervisor.wake()
        reconciler.hasten()
        relay.told()

    async def detect() -> None:
        await disk.check()
        reconciler.hasten()  # for what rang while it could not work
        await detection.run()

    frame_sources: Mapping[str, FrameSource] = {
        "watch": sources.watcher,
        "scan": sources.scanner,
        "restored": sources.restored,
        "late": ingest.late,
    }
    for name, source in frame_sources.items():
        supervisor.add(name, partial(ingest.run, source))
    supervisor.add("folders", sources.folders.run)
    supervisor.add("disk", disk.run)
    supervisor.add("detect", detect)
    supervisor.add("close", EventCloser(database, clock, rules.idle, relay.told).run)
    supervisor.add("relay", relay.run)
    supervisor.add("reconcile", reconciler.run)
    supervisor.add(
        "sweep",
        Sweep(database, files.picture_check, files.thumbnail_check, clock, disk.check).run,
    )
    supervisor.add("redis", RedisWatch(redis, clock, redis_is_back).run)
    awaited = _add_models(supervisor, settings, detector, detection, in_pictures)

    paces = {"detector": pace}
    for disk_of in (files.in_media, files.in_pictures):
        paces[disk_of.name] = disk_of.pace
        disk_of.back = supervisor.wake
    state = _State(
        sources.watcher.state,
        ingest.late,
        (ingest.breaker, breaker, *breakers_of(detector.present)),
        paces,
        enrichment,
        awaited,
    )
    supervisor.add(
        "heartbeat",
        Heartbeat(
            redis,
            clock,
            worker,
            supervisor,
            partial(_details, detector, places.media_root, state),
        ).run,
    )
    try:
        ready()
        await supervisor.run()
    finally:
        await detector.present.aclose()


@dataclass(frozen=True, slots=True)
class _State:
    """What changes, and is said."""

    watch: WatchState
    late: LateFiles
    breakers: Collection[Breaker]
    paces: Mapping[str, Pace]
    enrichment: Enrichment
    awaited: AwaitedModel | None


def _details(detector: DetectorInUse, media_root: Path, state: _State) -> dict[str, Any]:
    """What a worker says of itself."""
    slow = {name: pace.slowness for name, pace in state.paces.items()}
    return {
        "detector": detector.name,
        "engine": engine_of(detector.present),
        "doubt": detector.present.doubt,
        "refused_model": detector.refused,
        "awaited_model": state.awaited and state.awaited.state,
        "media_root": str(media_root),
        "watched_folders": state.watch.folders,
        "polled_folders": state.watch.polled,
        "late_files": state.late.unanswered,
        "unseen_folders": state.watch.unseen,
        "scanned_at": state.watch.scanned_at,
        "enrichers": state.enrichment.states(),
        "breakers": {one.name: one.view for one in state.breakers},
        "slow": {name: one for name, one in slow.items() if one is not None},
    }
