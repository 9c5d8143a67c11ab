"""timeout: no data comes through, and after a while the connection is closed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from drill.proxy.stage import Chunk, End, Stage
from drill.proxy.toxics.base import Toxic


@dataclass(frozen=True)
class Timeout(Toxic):
    """Drops all data; closes after ``timeout`` ms, never when that is 0."""

    timeout: int = 0

    closes_when_removed: ClassVar[bool] = True

    async def pipe(self, stage: Stage) -> None:
        """Until the time is over, the stream ends, or an interrupt."""
        loop = asyncio.get_running_loop()
        closing = loop.call_later(self.timeout / 1000, _close, stage) if self.timeout > 0 else None
        try:
            while (chunk := await stage.receive()) is not None:
                if chunk.end is not None:
                    await stage.send(chunk)
                    return
        finally:
            if closing is not None:
                closing.cancel()


def _close(stage: Stage) -> None:
    stage.out.push(Chunk(b"", asyncio.get_running_loop().time(), End.CLOSE))
