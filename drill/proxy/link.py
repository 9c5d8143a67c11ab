"""One direction of a connection: source, a chain of stages, sink. Toxics come and go while data flows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from drill.proxy.stage import Chunk, End, Inlet, Stage


class Sink(Inlet):
    """The far end. ``ended`` is called once with how the stream ended."""

    def __init__(self, transport: asyncio.Transport, ended: Callable[[End], None]) -> None:
        super().__init__()
        self._transport = transport
        self._ended = ended
        self._over = False

    def push(self, chunk: Chunk) -> None:
        """Write it; after the end, or when the peer has gone, it is dropped."""
        if self._over:
            return
        if chunk.end is not None:
            self._over = True
            self._ended(chunk.end)
        else:
            self.write(chunk.data)

    def write(self, data: bytes) -> None:
        """Bytes only."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def gone(self) -> None:
        """The peer has gone: nobody waits for room any more."""
        self._over = True
        self.set_full(False)


class Link:
    """Feeds what arrives through the stages. ``source`` is paused while the first of them is full."""

    def __init__(self, source: asyncio.Transport, sink: Sink, failed: Callable[[BaseException], None]) -> None:
        self._source = source
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._stages: list[Stage] = []
        self.sink = sink
        self.finished = False
        """The source has ended. From then on it is neither paused nor resumed: that would read its end again."""
        self._join()

    def feed(self, data: bytes) -> None:
        """Bytes that arrived."""
        if self._stages:
            self._stages[0].push(Chunk(data, self._loop.time()))
        else:
            self.sink.write(data)
        self._flow()

    def finish(self, end: End) -> None:
        """The source has ended."""
        self.finished = True
        self._head.push(Chunk(b"", self._loop.time(), end))

    def insert(self, stage: Stage, at: int) -> None:
        """Put a stage in at a place; what passed it before is ahead of it."""
        self._stages.insert(at, stage)
        self._join()
        self.start(stage)

    def start(self, stage: Stage) -> None:
        """Run its work; a failure of it is told."""
        stage.start().add_done_callback(self._done)

    async def remove(self, stage: Stage, close: bool) -> None:
        """Interrupt it, let it hand over its data, take it out. ``close`` drops its data and ends the connection."""
        await stage.interrupt()
        if close:
            stage.out.push(Chunk(b"", self._loop.time(), End.CLOSE))
        else:
            await stage.hand_over()
        if stage in self._stages:
            self._stages.remove(stage)
            self._join()

    def cancel(self) -> None:
        """The connection is gone."""
        self.sink.gone()
        for stage in self._stages:
            stage.cancel()

    @property
    def _head(self) -> Inlet:
        return self._stages[0] if self._stages else self.sink

    def _join(self) -> None:
        """Connect each with the next. No await: nothing can slip between."""
        inlets: list[Inlet] = [*self._stages, self.sink]
        inlets[0].producer = self._flow
        for stage, following in zip(self._stages, inlets[1:], strict=True):
            stage.out = following
            following.producer = stage.wake
            stage.wake()
        self._flow()

    def _flow(self) -> None:
        if self.finished:
            return
        if self._head.full:
            self._source.pause_reading()
        else:
            self._source.resume_reading()

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
