"""slow_close: the end of the stream comes late."""

from __future__ import annotations

from dataclasses import dataclass

from drill.proxy.stage import Stage
from drill.proxy.toxics.base import Toxic


@dataclass(frozen=True)
class SlowClose(Toxic):
    """Holds the close back for ``delay`` ms."""

    delay: int = 0

    async def pipe(self, stage: Stage) -> None:
        """Interrupted, it lets the close go."""
        while (chunk := await stage.receive()) is not None:
            if chunk.end is not None:
                await stage.pause(self.delay / 1000)
                await stage.send(chunk)
                return
            await stage.send(chunk)
