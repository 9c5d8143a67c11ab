"""The upstream's answers, and ours between them: in the order of the requests, spoiled where a toxic says so."""

from __future__ import annotations

import asyncio

import h11

from drill.proxy.exchange import Exchange, Pending
from drill.proxy.messages import Piece, Reader, head_of, response_reader
from drill.proxy.stage import Chunk, End, Stage
from drill.proxy.toxics.http import Spoil

_WITHOUT_BODY = (204, 304)


class _Cut(Exception):
    """The connection ends here, in the middle of an answer."""


class Responses:
    """The work of the stage at the beginning of the downstream stream."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._reader: Reader | None = None
        self._spoil: Spoil | None = None
        self._left = 0
        self._out = bytearray()

    async def work(self, stage: Stage) -> None:
        """Until the stream ends, or an answer closes it."""
        end: Chunk | None = None
        while end is None:
            chunk = await stage.receive()
            stage.interrupted = False
            try:
                end = self._step(chunk)
            except _Cut:
                end = Chunk(b"", asyncio.get_running_loop().time(), End.CLOSE)
            if self._out:
                data = bytes(self._out)
                self._out.clear()
                await stage.send(Chunk(data, asyncio.get_running_loop().time()))
        await stage.send(end)

    def _step(self, chunk: Chunk | None) -> Chunk | None:
        """Take a chunk, None after a poke; the chunk when it is the end. Raises _Cut."""
        self._give_made()
        if chunk is None:
            return None
        if chunk.end is None:
            self._take(chunk.data)
            return None
        self._out += self._reader.rest if self._reader else b""
        return chunk

    def _give_made(self) -> None:
        """Send our answers that are due now. Raises _Cut after one that closes."""
        pending = self._exchange.pending
        while pending and (made := pending[0].made) is not None:
            self._out += made
            if self._exchange.answered().close:
                raise _Cut

    def _take(self, data: bytes) -> None:
        """Bytes of the upstream: of the oldest pending answer, or of nothing that we know. Raises _Cut."""
        if self._exchange.fresh:
            self._exchange.give_up()
        self._exchange.at_rest = True
        while data and self._exchange.pending and not self._exchange.raw:
            data = self._read(self._exchange.pending[0], data)
            self._give_made()
        self._out += data

    def _read(self, pending: Pending, data: bytes) -> bytes:
        """Read on in an answer; the bytes after its end. What does not parse passes, and everything after it."""
        self._reader = reader = self._reader or response_reader(pending.request)
        try:
            reader.feed(data)
            while not self._exchange.raw and (piece := reader.next()) is not None:
                self._event(pending, piece)
                if isinstance(piece.event, h11.EndOfMessage):
                    self._exchange.answered()
                    self._reader = self._spoil = None
                    return reader.rest
        except h11.RemoteProtocolError:
            self._exchange.give_up()
        if self._exchange.raw:
            self._reader = None
            return reader.rest
        return b""

    def _event(self, pending: Pending, piece: Piece) -> None:
        if isinstance(piece.event, h11.Response):
            self._head(pending, piece)
        elif self._spoil is None:
            self._out += piece.raw
        elif self._spoil.keep is not None:
            self._up_to(piece)
        if isinstance(piece.event, h11.InformationalResponse) and piece.event.status_code == 101:
            self._exchange.give_up()

    def _head(self, pending: Pending, piece: Piece) -> None:
        """Send the head, another one when the body is replaced."""
        response, method = piece.event, pending.request.method
        bodiless = method == b"HEAD" or response.status_code in _WITHOUT_BODY
        self._spoil = None if bodiless else pending.spoil
        if self._spoil is None or self._spoil.keep is not None:
            self._out += piece.raw
        else:
            self._out += head_of(response, len(self._spoil.body)) + self._spoil.body
        if self._spoil is not None and self._spoil.keep is not None:
            self._left = self._spoil.keep
            self._cut_at_end()
        if method == b"CONNECT" and response.status_code < 300:
            self._exchange.give_up()

    def _up_to(self, piece: Piece) -> None:
        """Send as much of the body as is left to send. Raises _Cut when that was all."""
        size = len(piece.event.data) if isinstance(piece.event, h11.Data) else 0
        framing = len(piece.raw) - size
        self._out += piece.raw[: framing + min(self._left, size)]
        self._left -= size
        if size:
            self._cut_at_end()

    def _cut_at_end(self) -> None:
        if self._left <= 0:
            raise _Cut
