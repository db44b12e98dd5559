"""A worker of the fault bench for which a white picture is poison: it ends the process, by -9."""

import os
import signal

from backend.services.detection.detector import Findings, View
from backend.tests.faults import worker

WHITE = 255
_LEAST = 250


class PoisonedDetector(worker.BenchDetector):
    """Dies of a white picture, as a native library does of one that it cannot stand."""

    async def detect(self, view: View, memory: bytes | None) -> Findings:
        """The person; or the end of the process."""
        if view.pixels.mean() > _LEAST:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().detect(view, memory)


if __name__ == "__main__":
    setattr(worker, "BenchDetector", PoisonedDetector)  # noqa: B010
    worker.main()
