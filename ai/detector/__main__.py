"""`python -m ai.detector`: the service, as the environment says (`settings.py`)."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Any

import cv2
import uvicorn
import uvloop

from ai.detector.application import Parts, build
from ai.detector.batcher import Batcher
from ai.detector.connection import BoundedConnection
from ai.detector.eye import Eye, Limits
from ai.detector.health import Health
from ai.detector.memory import keep_memory
from ai.detector.metrics import Metrics
from ai.detector.places import Places
from ai.detector.settings import DetectorSettings, read_settings
from backend.core.errors import HsiError, Invalid
from backend.core.paths import is_file, is_folder
from backend.services.detection.choice import load_chosen
from backend.services.detection.model_detector import ModelDetector
from backend.services.detection.runtimes.opening import TORCH

log = logging.getLogger("ai.detector")


async def serve(settings: DetectorSettings, model: ModelDetector) -> None:
    """Answer until SIGINT or SIGTERM; what was begun has some seconds to be answered."""
    clock = time.monotonic
    metrics, places = Metrics(), Places(settings.queue, clock)
    batcher = Batcher(
        model,
        most=settings.batch,
        wait=settings.batch_wait_ms / 1000,
        on_the_way=lambda: places.taken,
        clock=clock,
        ran=metrics.ran,
    )
    eye = Eye(
        batcher,
        Limits(settings.max_bytes, settings.max_pixels),
        threads=settings.decode_threads,
        store=settings.store,
        decoded=metrics.decoded.inc,
    )
    health = Health(batcher, places, clock)
    parts = Parts(batcher, places, eye, health, metrics, settings.confidence)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    await uvicorn.Server(
        uvicorn.Config(
            build(parts, key),
            host=settings.host,
            port=settings.port,
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
            access_log=False,
            server_header=False,
            log_config=None,
            http=BoundedConnection,
            ws="none",
            proxy_headers=False,  # nobody asks who the client is
            # Longer than clients keep a connection that they do not use.
            timeout_keep_alive=30,
            timeout_graceful_shutdown=5,
        )
    ).serve()


def runtime_of(settings: DetectorSettings) -> str:
    """What is to run the model: a folder is a checkpoint, which only PyTorch reads.

    Raises Invalid for a folder that is none, or what may not be looked at.
    """
    is_a_folder = is_folder(settings.model)
    if is_a_folder and not is_file(settings.model / "config.json"):
        raise Invalid(
            f"AI_DETECTOR_MODEL: {settings.model.absolute()} is neither a file nor a checkpoint's "
            "folder, which has a config.json",
            code="model.no_file",
        )
    is_left_open = settings.runtime == "auto"
    return TORCH if is_left_open and is_a_folder else settings.runtime


def main() -> None:
    """Load the model, then listen."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # OpenCV's own threads would compete with those of the model for the same cores.
    cv2.setNumThreads(1)
    try:
        settings = read_settings(os.environ)
        model = load_chosen(
            settings.model,
            threads=settings.threads,
            confidence=settings.confidence,
            runtime=runtime_of(settings),
        )
    except HsiError as error:
        sys.exit(f"ai.detector: {error}")
    if model.doubt is not None:
        log.warning("the model %s cannot be trusted: %s", model.name, model.doubt)
    log.info("%s looks at pictures, run by %s", model.name, model.engine)
    log.info("at %s port %d", settings.host, settings.port)
    try:
        run(serve(settings, model))
    finally:
        model.close()


def run(serving: Coroutine[Any, Any, None]) -> None:
    """Until it ends, on the loop whose reading and writing cost least."""
    keep_memory()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
