"""bandwidth: data at no more than a rate."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from drill.proxy.stage import Chunk, Stage
from drill.proxy.toxics.base import Toxic

_PIECE_MS = 100


@dataclass(frozen=True)
class Bandwidth(Toxic):
    """``rate`` in KB/s (1 KB is 1000 bytes a second here: a byte a millisecond); 0 is no limit."""

    rate: int = 0

    async def pipe(self, stage: Stage) -> None:
        """A chunk that takes longer than 100 ms goes in pieces of 100 ms. Interrupted, the rest goes at once."""
        loop = asyncio.get_running_loop()
        free = loop.time()
        while (chunk := await stage.receive()) is not None:
            if chunk.end is not None or self.rate <= 0:
                await stage.send(chunk)
                if chunk.end is not None:
                    return
                continue
            free = max(free, loop.time())
            free = await self._paced(stage, chunk, free)

    async def _paced(self, stage: Stage, chunk: Chunk, free: float) -> float:
        """Send in pieces, each when the line has carried it; the time at which the line is free again."""
        loop = asyncio.get_running_loop()
        size = self.rate * _PIECE_MS
        for start in range(0, len(chunk.data), size):
            piece = chunk.data[start : start + size]
            free += len(piece) / (self.rate * 1000)
            if not await stage.pause(free - loop.time()):
                await stage.send(chunk._replace(data=chunk.data[start:]))
                break
            await stage.send(chunk._replace(data=piece))
        return free
