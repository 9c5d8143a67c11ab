"""slicer: data in small pieces."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass

from drill.proxy.stage import Stage
from drill.proxy.toxics.base import Toxic


@dataclass(frozen=True)
class Slicer(Toxic):
    """Cuts into pieces of ``average_size`` ± ``size_variation`` bytes, ``delay`` **µs** apart; size 0 cuts nothing."""

    average_size: int = 0
    size_variation: int = 0
    delay: int = 0

    async def pipe(self, stage: Stage) -> None:
        """Interrupted, the rest goes in one piece."""
        loop = asyncio.get_running_loop()
        free = loop.time()
        while (chunk := await stage.receive()) is not None:
            if chunk.end is not None:
                await stage.send(chunk)
                return
            # Timers are no finer than a millisecond: the schedule keeps the rate right all the same.
            free = max(free, loop.time())
            for start, end in self._cuts(len(chunk.data)):
                await stage.send(chunk._replace(data=chunk.data[start:end]))
                free += self.delay / 1e6
                if not await stage.pause(free - loop.time()):
                    if end < len(chunk.data):
                        await stage.send(chunk._replace(data=chunk.data[end:]))
                    break

    def _cuts(self, length: int) -> Iterator[tuple[int, int]]:
        start = 0
        spread = min(max(self.size_variation, 0), self.average_size - 1)
        while start < length:
            size = length if self.average_size <= 0 else self.average_size + random.randint(-spread, spread)  # noqa: S311 - chance, no secret
            yield start, min(start + size, length)
            start += size
