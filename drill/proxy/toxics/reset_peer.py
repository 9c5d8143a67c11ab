"""reset_peer: the connection is broken off with a TCP reset."""

from __future__ import annotations

from dataclasses import dataclass

from drill.proxy.stage import End, Stage
from drill.proxy.toxics.base import Toxic


@dataclass(frozen=True)
class ResetPeer(Toxic):
    """``timeout`` ms after the first data (or the end of the stream) both sides get an RST; the data is lost."""

    timeout: int = 0

    async def pipe(self, stage: Stage) -> None:
        """Interrupted before the reset, it passes on what it holds."""
        chunk = await stage.receive()
        if chunk is None:
            return
        if await stage.pause(self.timeout / 1000):
            chunk = chunk._replace(data=b"", end=End.RESET)
        await stage.send(chunk)
