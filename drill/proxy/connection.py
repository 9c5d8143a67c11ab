"""One client and its connection to the upstream: two links, and when both sides are closed."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Sequence
from functools import partial
from typing import cast

from drill.proxy.exchange import Exchange
from drill.proxy.link import Link, Sink
from drill.proxy.requests import Requests
from drill.proxy.responses import Responses
from drill.proxy.stage import End, Stage
from drill.proxy.toxics import DOWNSTREAM, UPSTREAM, HttpToxic, Toxic, ToxicEntry

_LOG = logging.getLogger("drill.proxy")
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 seconds: closing sends RST."""
_QUEUE = 128 * 1024


class Side(asyncio.Protocol):
    """One of the two sockets. What it receives goes into the link of its stream; the other link ends in it."""

    def __init__(self, connection: Connection, stream: str) -> None:
        self._connection = connection
        self.stream = stream
        self.transport: asyncio.Transport | None = None
        self.out: Link | None = None
        self.into: Link | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing is read until both sides are there."""
        self.transport = cast(asyncio.Transport, transport)
        # Not at once: Python 3.11 begins to read right after this call, whatever was said in it.
        asyncio.get_running_loop().call_soon(self.transport.pause_reading)
        self._connection.made(self)

    def data_received(self, data: bytes) -> None:
        """Feed the link."""
        if self.out is not None:
            self._connection.turn = self.stream
            self.out.feed(data)

    def eof_received(self) -> bool:
        """A half-closed connection stays half open."""
        if self.out is not None:
            self.out.finish(End.EOF)
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature of asyncio.Protocol
        """Closed by us or by the peer, or broken."""
        self._connection.lost(self)

    def pause_writing(self) -> None:
        """The peer reads too slowly."""
        if self.into is not None:
            self.into.sink.set_full(True)

    def resume_writing(self) -> None:
        """It reads again."""
        if self.into is not None:
            self.into.sink.set_full(False)

    def close(self) -> None:
        """Close when everything is written."""
        if self.transport is not None:
            self.transport.close()

    def reset(self) -> None:
        """RST to the peer."""
        if self.transport is not None:
            found: socket.socket | None = self.transport.get_extra_info("socket")
            if found is not None and found.fileno() >= 0:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()


class Connection:
    """``entries`` is the proxy's own list of toxics and is read as it changes; ``gone`` is told the end."""

    def __init__(self, upstream: str, entries: Sequence[ToxicEntry], gone: set[Connection]) -> None:
        self.client = Side(self, UPSTREAM)
        self.server = Side(self, DOWNSTREAM)
        self.turn = ""
        """The stream that carried data last; empty before the first byte."""
        self._upstream = upstream
        self._entries = entries
        self._open = gone
        self._links: dict[str, Link] = {}
        self._stages: dict[ToxicEntry, Stage] = {}
        self._luck: dict[ToxicEntry, float] = {}
        self._halves = 0
        self._dial: asyncio.Task[None] | None = None
        self._exchange: Exchange | None = None

    def made(self, side: Side) -> None:
        """A client came: reach the upstream for it."""
        if side is self.client:
            self._open.add(self)
            self._dial = asyncio.get_running_loop().create_task(self._connect())

    def lost(self, side: Side) -> None:
        """One side is gone: what it sent still goes on its way, then the other side closes too."""
        side.transport = None
        other = self.server if side is self.client else self.client
        if side.into is not None:
            side.into.cancel()
        if side.out is None or side.out.finished:
            other.close()
        else:
            side.out.finish(End.CLOSE)
        if self.client.transport is None and self.server.transport is None:
            self._over()

    def abort(self) -> None:
        """Close both sides now; what is on its way is lost."""
        if self._dial is not None:
            self._dial.cancel()
        for side in (self.client, self.server):
            if side.transport is not None:
                side.transport.abort()

    def add(self, entry: ToxicEntry) -> None:
        """A toxic came. TCP toxics go to the end of their chain, but HTTP stays next to the upstream."""
        if not self._links:
            return
        if isinstance(entry.toxic, HttpToxic):
            self._use_http()
            return
        at = sum(1 for each in self._stages if each.stream == entry.stream)
        stage = Stage(lambda stage: self._work(entry, stage), entry.toxic.buffer_bytes)
        self._stages[entry] = stage
        http_first = entry.stream == DOWNSTREAM and self._exchange is not None
        self._links[entry.stream].insert(stage, at + http_first)

    async def update(self, entry: ToxicEntry) -> None:
        """A toxic has other attributes or another toxicity now."""
        stage = self._stages.get(entry)
        if stage is not None:
            await stage.interrupt()
            self._links[entry.stream].start(stage)
        elif self._exchange is not None:
            self._exchange.changed()

    async def remove(self, entry: ToxicEntry) -> None:
        """A toxic went."""
        stage = self._stages.pop(entry, None)
        if stage is not None:
            await self._links[entry.stream].remove(stage, entry.toxic.closes_when_removed and self.hit(entry))
        elif self._exchange is not None:
            self._exchange.changed()
        self._luck.pop(entry, None)

    def hit(self, entry: ToxicEntry) -> bool:
        """Whether this connection is of the toxic's share: drawn once, so that an update keeps it."""
        luck = self._luck.setdefault(entry, random.random())  # noqa: S311 - chance, no secret
        return luck < entry.toxicity

    async def _work(self, entry: ToxicEntry, stage: Stage) -> None:
        await (entry.toxic if self.hit(entry) else Toxic()).pipe(stage)

    async def _connect(self) -> None:
        host, _, port = self._upstream.rpartition(":")
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: self.server, host.strip("[]") or "localhost", int(port))
        except (OSError, ValueError, OverflowError) as error:
            _LOG.warning("cannot reach upstream %s: %s", self._upstream, error)
            self.client.close()
            return
        self._begin()

    def _begin(self) -> None:
        """Both sides are there: link them."""
        client, server = self.client.transport, self.server.transport
        if client is None or server is None:
            self.abort()
            return
        for side, source, far, target in (
            (self.client, client, self.server, server),
            (self.server, server, self.client, client),
        ):
            link = Link(source, Sink(target, partial(self._ended, far)), self._failed)
            side.out = far.into = self._links[side.stream] = link
        for entry in self._entries:
            self.add(entry)

    def _use_http(self) -> None:
        """Split the connection into HTTP messages, from its first byte or from the next request on."""
        if self._exchange is None:
            self._exchange = exchange = Exchange(self._http_toxics, not self.turn, self.turn != UPSTREAM)
            exchange.up = requests = Stage(Requests(exchange).work, _QUEUE)
            exchange.down = responses = Stage(Responses(exchange).work, _QUEUE)
            self._links[UPSTREAM].insert(requests, sum(1 for each in self._stages if each.stream == UPSTREAM))
            self._links[DOWNSTREAM].insert(responses, 0)
        else:
            self._exchange.changed()

    def _http_toxics(self) -> list[HttpToxic]:
        return [e.toxic for e in self._entries if isinstance(e.toxic, HttpToxic) and self.hit(e)]

    def _ended(self, target: Side, end: End) -> None:
        """A stream has ended at its far side."""
        if end is End.RESET:
            self.client.reset()
            self.server.reset()
        elif end is End.CLOSE or self._halves:
            target.close()
            if end is End.EOF:
                self.client.close()
                self.server.close()
        else:
            self._halves = 1
            if target.transport is not None and not target.transport.is_closing():
                target.transport.write_eof()

    def _failed(self, error: BaseException) -> None:
        _LOG.error("a connection was closed: a toxic failed: %s: %s", type(error).__name__, error, exc_info=error)
        self.abort()

    def _over(self) -> None:
        if self._dial is not None:
            self._dial.cancel()
        for link in self._links.values():
            link.cancel()
        self._open.discard(self)
