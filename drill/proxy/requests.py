"""The client's requests: passed on, held back, or answered here."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import h11

from drill.proxy.exchange import Exchange, Pending
from drill.proxy.messages import begins_request, request_reader
from drill.proxy.stage import Chunk, Stage
from drill.proxy.toxics.http import Answer, HttpToxic

_MOST_PENDING = 64
_WITHOUT_BODY = (204, 304)


class Requests:
    """The work of the stage at the end of the upstream stream."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._reader = request_reader()
        self._held = b""
        """What may yet become the first line of a request."""
        self._joined = False
        self._broken = False
        """Something did not parse: requests pass unread from there on."""
        self._answer: Answer | None = None
        """Ours to the request that is being read; what is read of it goes nowhere."""
        self._out = bytearray()

    async def work(self, stage: Stage) -> None:
        """Until the stream ends."""
        while True:
            chunk = await stage.receive()
            if chunk is None:
                stage.interrupted = False
                continue
            if chunk.end is None:
                await self._take(stage, chunk.data)
            else:
                self._out += self._held + self._reader.rest
            await self._flush(stage)
            if chunk.end is not None:
                await stage.send(chunk)
                return

    async def _take(self, stage: Stage, data: bytes) -> None:
        """Bytes of the client: of requests, or of what we do not read."""
        if not self._joined and not self._exchange.raw:
            data = self._held + data
            begins = begins_request(data) if self._exchange.at_rest else False
            self._held = data if begins is None else b""
            if begins is None:
                return
            self._joined = begins
            self._exchange.raw = self._exchange.fresh and not begins
            self._exchange.fresh = self._exchange.at_rest = False
        data, self._held = self._held + data, b""
        while data and self._reading:
            data = await self._read(stage, data)
        self._out += data

    @property
    def _reading(self) -> bool:
        return self._joined and not self._broken and not self._exchange.raw

    async def _read(self, stage: Stage, data: bytes) -> bytes:
        """Read on in a request; the bytes after its end. What does not parse passes, and everything after it."""
        try:
            self._reader.feed(data)
            while (piece := self._reader.next()) is not None:
                if isinstance(piece.event, h11.Request):
                    await self._begin(stage, piece.event)
                if self._answer is None:
                    self._out += piece.raw
                if isinstance(piece.event, h11.EndOfMessage):
                    await self._end(stage)
                    rest, self._reader = self._reader.rest, request_reader()
                    return rest
        except h11.RemoteProtocolError:
            self._broken = True
            rest, self._reader = self._reader.rest, request_reader()
            return rest
        return b""

    async def _begin(self, stage: Stage, request: h11.Request) -> None:
        """Decide what becomes of a request."""
        while len(self._exchange.pending) >= _MOST_PENDING:
            await self._flush(stage)
            await stage.poked()
        method, target = request.method.decode(), request.target.decode(errors="replace")
        hits = [toxic for toxic in self._exchange.toxics() if toxic.matches(method, target)]
        await self._delay(stage, hits)
        answers = (toxic.answer() for toxic in hits)
        self._request = request
        self._answer = next((answer for answer in answers if answer is not None), None)
        if self._answer is None:
            spoils = (toxic.spoil() for toxic in hits)
            spoil = next((spoil for spoil in spoils if spoil is not None), None)
            self._exchange.expect(Pending(request, spoil=spoil))
        elif _header(request, b"expect") == b"100-continue":
            # The client may send its body or not: only a close leaves no doubt where the next request begins.
            self._exchange.expect(self._made(self._answer, must_close=True))

    async def _end(self, stage: Stage) -> None:
        """The request is complete."""
        request = self._request
        if self._answer is not None:
            if _header(request, b"expect") != b"100-continue":
                self._exchange.expect(self._made(self._answer, must_close=False))
            self._answer = None
        elif request.method == b"CONNECT" or _header(request, b"upgrade"):
            # What follows may be another protocol: the answer says.
            await self._flush(stage)
            while self._exchange.pending and not self._exchange.raw:
                await stage.poked()

    async def _delay(self, stage: Stage, hits: list[HttpToxic]) -> None:
        """Hold the request back, as long as one of the toxics that delay it is there."""
        delays = [(toxic, seconds) for toxic in hits if (seconds := toxic.delay_s())]
        if not delays:
            return
        await self._flush(stage)
        loop = asyncio.get_running_loop()
        until = loop.time() + sum(seconds for _, seconds in delays)
        while not await stage.pause(until - loop.time()):
            stage.interrupted = False
            now = self._exchange.toxics()
            if not any(toxic in now for toxic, _ in delays):
                return

    async def _flush(self, stage: Stage) -> None:
        """Pass on what is ready, in one piece."""
        if self._out:
            data = bytes(self._out)
            self._out.clear()
            await stage.send(Chunk(data, asyncio.get_running_loop().time()))

    def _made(self, answer: Answer, must_close: bool) -> Pending:
        """The bytes of an answer of ours, framed as the request needs it."""
        body = b"" if answer.status in _WITHOUT_BODY else answer.body.encode()
        headers = [*answer.headers, ("Content-Type", _content_type(answer.body))]
        if answer.status not in _WITHOUT_BODY:
            headers.append(("Content-Length", str(len(body))))
        if must_close:
            headers.append(("Connection", "close"))
        connection = self._reader.connection
        reason = HTTPStatus(answer.status).phrase if answer.status in _KNOWN else ""
        parts: list[h11.Event] = [h11.Response(status_code=answer.status, headers=headers, reason=reason)]
        if body and self._request.method != b"HEAD":
            parts.append(h11.Data(data=body))
        raw = b"".join(connection.send(part) or b"" for part in [*parts, h11.EndOfMessage()])
        return Pending(self._request, made=raw, close=must_close or connection.our_state is h11.MUST_CLOSE)


_KNOWN = frozenset(int(status) for status in HTTPStatus)


def _content_type(body: str) -> str:
    return "application/json" if body.lstrip().startswith(("{", "[")) else "text/plain; charset=utf-8"


def _header(request: h11.Request, name: bytes) -> bytes:
    """A header's value, lower case; empty when there is none."""
    return next((value.lower() for key, value in request.headers if key == name), b"")
