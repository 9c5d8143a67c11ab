"""limit_data: the connection closes after so many bytes."""

from __future__ import annotations

from dataclasses import dataclass

from drill.proxy.stage import End, Stage
from drill.proxy.toxics.base import Toxic


@dataclass(frozen=True)
class LimitData(Toxic):
    """Closes after ``bytes`` of this connection's stream. The count goes on over an update."""

    bytes: int = 0

    async def pipe(self, stage: Stage) -> None:
        """The count is the stage's."""
        while (chunk := await stage.receive()) is not None:
            kept = chunk.data[: max(self.bytes - stage.passed, 0)]
            stage.passed += len(kept)
            if chunk.end is None and kept:
                await stage.send(chunk._replace(data=kept))
            if chunk.end is not None or stage.passed >= self.bytes:
                await stage.send(chunk._replace(data=b"", end=chunk.end or End.CLOSE))
                return
