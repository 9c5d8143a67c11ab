"""HTTP messages in a byte stream, split by h11 with every byte accounted for."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import h11

_HEAD_LIMIT = 64 * 1024
_METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH")
_FIRST_LINE = re.compile(rb"[A-Z]{1,16} \S+ HTTP/1\.[01]\r?\n")


def begins_request(data: bytes) -> bool | None:
    """Whether bytes begin an HTTP/1 request; None when more of the first line is needed to say."""
    if b"\n" in data:
        return _FIRST_LINE.match(data) is not None
    line = data.split(b" ", 1)
    known = line[0] in _METHODS if len(line) > 1 else any(method.startswith(data) for method in _METHODS)
    return None if known and len(data) < _HEAD_LIMIT else False


class Piece(NamedTuple):
    """One event of h11 and the bytes that it was made from."""

    event: Any
    raw: bytes


class Reader:
    """Reads one message; what follows it is in ``rest``. ``feed`` and ``next`` raise h11.RemoteProtocolError."""

    def __init__(self, connection: h11.Connection) -> None:
        self.connection = connection
        self._raw = bytearray()

    def feed(self, data: bytes) -> None:
        """More bytes of the stream."""
        self._raw += data
        if data:
            self.connection.receive_data(data)

    def next(self) -> Piece | None:
        """The next event, or None when it takes more bytes."""
        event = self.connection.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            return None
        used = len(self._raw) - len(self.connection.trailing_data[0])
        raw = bytes(self._raw[:used])
        del self._raw[:used]
        return Piece(event, raw)

    @property
    def rest(self) -> bytes:
        """Bytes that belong to no event yet."""
        return bytes(self._raw)


def request_reader() -> Reader:
    """For one request."""
    return Reader(h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT))


def response_reader(request: h11.Request) -> Reader:
    """For the answer to a request, interim answers included."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT)
    switch = [(b"Upgrade", bytes(value)) for name, value in request.headers if name == b"upgrade"]
    headers = [(b"Host", b"x"), *switch, *([(b"Connection", b"Upgrade")] if switch else [])]
    connection.send(h11.Request(method=request.method, target=request.target, headers=headers))
    connection.send(h11.EndOfMessage())
    return Reader(connection)


def head_of(response: h11.Response, length: int) -> bytes:
    """The head of an upstream's answer, for another body of ``length`` bytes."""
    dropped = (b"content-length", b"transfer-encoding", b"content-encoding", b"etag", b"trailer")
    lines = [b"HTTP/1.1 %d %s" % (response.status_code, response.reason)]
    lines += [b"%s: %s" % (name, value) for name, value in response.headers.raw_items() if name.lower() not in dropped]
    return b"\r\n".join([*lines, b"Content-Length: %d" % length, b"", b""])
