"""latency: every chunk is late."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import ClassVar

from drill.proxy.stage import Stage
from drill.proxy.toxics.base import Toxic


@dataclass(frozen=True)
class Latency(Toxic):
    """Delays by ``latency`` ± ``jitter`` ms, counted from the arrival of each chunk. The end of the stream too."""

    latency: int = 0
    jitter: int = 0

    buffer_bytes: ClassVar[int] = 32 * 1024 * 1024
    """Large, so that throughput does not fall with the delay."""

    async def pipe(self, stage: Stage) -> None:
        """Interrupted, it passes on at once what it holds."""
        loop = asyncio.get_running_loop()
        while (chunk := await stage.receive()) is not None:
            if chunk.end is None:
                await stage.pause(chunk.arrived + self._delay_s() - loop.time())
            # Toxics behind this one count from now.
            await stage.send(chunk._replace(arrived=loop.time()))
            if chunk.end is not None:
                return

    def _delay_s(self) -> float:
        return (self.latency + random.uniform(-1, 1) * max(self.jitter, 0)) / 1000  # noqa: S311 - chance, no secret
