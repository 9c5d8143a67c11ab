"""A small HTTP/1.1 server for the API, on h11."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import h11

from drill.proxy.api import Call, Reply

_MOST_BODY = 4 * 1024 * 1024
_IDLE_S = 60.0

Answer = Callable[[Call], Awaitable[Reply]]


class _TooLarge(Exception):
    """A body over the limit."""


async def serve_client(answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection of a client of the API, as long as it is kept alive."""
    connection = h11.Connection(h11.SERVER)
    try:
        while await _serve_one(answer, connection, reader, writer):
            if h11.MUST_CLOSE in (connection.our_state, connection.their_state):
                break
            connection.start_next_cycle()
    except (TimeoutError, OSError, h11.LocalProtocolError):
        pass  # the client has gone, or has said nothing for too long
    finally:
        writer.close()


async def _serve_one(
    answer: Answer, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """Serve one request; False when there is none."""
    try:
        call = await _call(connection, reader, writer)
    except h11.RemoteProtocolError as error:
        await _send(connection, writer, Reply(error.error_status_hint, f"{error}\n".encode(), "text/plain"))
        return False
    except _TooLarge:
        await _send(connection, writer, Reply(413))
        return False
    if call is None:
        return False
    await _send(connection, writer, await answer(call))
    return True


async def _call(connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Call | None:
    """The next request, whole; None at the end of the connection. Raises h11.RemoteProtocolError, _TooLarge."""
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            connection.receive_data(await asyncio.wait_for(reader.read(65536), _IDLE_S))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MOST_BODY:
                raise _TooLarge
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            agents = [value.decode("latin-1") for name, value in request.headers if name == b"user-agent"]
            return Call(request.method.decode(), request.target.decode("latin-1"), "".join(agents[:1]), bytes(body))
        else:
            return None


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, reply: Reply) -> None:
    headers = [("Content-Length", str(len(reply.body)))] if reply.status != 204 else []
    if reply.content_type:
        headers.append(("Content-Type", reply.content_type))
    if reply.status >= 400:
        headers.append(("X-Content-Type-Options", "nosniff"))
    parts: list[h11.Event] = [h11.Response(status_code=reply.status, headers=headers)]
    if reply.body:
        parts.append(h11.Data(data=reply.body))
    writer.write(b"".join(connection.send(part) or b"" for part in [*parts, h11.EndOfMessage()]))
    await writer.drain()
