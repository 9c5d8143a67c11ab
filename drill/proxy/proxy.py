"""One proxy: a listener in front of an upstream, its toxics and its open connections."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from drill.proxy.connection import Connection
from drill.proxy.errors import ApiError, bad_body
from drill.proxy.toxics import DOWNSTREAM, TYPES, UPSTREAM, Toxic, ToxicEntry

_LOG = logging.getLogger("drill.proxy")
_BACKLOG = 1024
ANYWHERE = "127.0.0.1:0"
"""Where a proxy listens that says nothing: loopback, a free port."""


class Proxy:
    """``listen`` is the bound address once it was enabled. Changes of toxics come one after the other."""

    def __init__(self, name: str, listen: str, upstream: str) -> None:
        self.name = name
        self.listen = listen or ANYWHERE
        self.upstream = upstream
        self.toxics: list[ToxicEntry] = []
        self._changing = asyncio.Lock()
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def enabled(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": self.listed(),
        }

    def listed(self) -> list[dict[str, Any]]:
        """The toxics as the API shows them: upstream ones first."""
        return [each.to_json() for stream in (UPSTREAM, DOWNSTREAM) for each in self.toxics if each.stream == stream]

    async def start(self) -> None:
        """Listen. Raises ApiError 500 when the address cannot be bound."""
        if self._server is not None:
            return
        found = await bind(self.listen)
        self._server = await asyncio.get_running_loop().create_server(self._accept, sock=found, backlog=_BACKLOG)
        self.listen = shown(found)
        _LOG.info("proxy %s: %s -> %s", self.name, self.listen, self.upstream)

    def stop(self) -> None:
        """Close the listener and every connection; the toxics stay."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for connection in tuple(self._connections):
            connection.abort()
        _LOG.info("proxy %s: stopped", self.name)

    async def change(self, listen: str, upstream: str, enabled: bool) -> None:
        """Take other settings. Another address closes the connections. Raises ApiError 500 like :meth:`start`."""
        if (listen, upstream) != (self.listen, self.upstream):
            self.stop()
            self.listen, self.upstream = listen or ANYWHERE, upstream
        if enabled:
            await self.start()
        else:
            self.stop()

    async def is_at(self, listen: str, upstream: str) -> bool:
        """Whether it has this upstream and this address, names resolved."""
        return upstream == self.upstream and (listen == self.listen or await resolved(listen) == self.listen)

    def toxic(self, name: str) -> ToxicEntry:
        """Raises ApiError 404."""
        found = next((each for each in self.toxics if each.name == name), None)
        if found is None:
            raise ApiError("toxic not found", 404)
        return found

    async def add_toxic(self, body: Mapping[str, Any]) -> ToxicEntry:
        """Raises ApiError 400 for what makes no toxic, 409 for a name that is taken."""
        async with self._changing:
            entry = _entry(body)
            if any(each.name == entry.name for each in self.toxics):
                raise ApiError("toxic already exists", 409)
            self.toxics.append(entry)
            for connection in self._connections:
                connection.add(entry)
            return entry

    async def update_toxic(self, name: str, body: Mapping[str, Any]) -> ToxicEntry:
        """Change attributes and toxicity. Raises ApiError 404, or 400 and changes nothing."""
        async with self._changing:
            entry = self.toxic(name)
            toxic = entry.toxic.merged(field(body, "attributes", {}))
            entry.toxicity = float(field(body, "toxicity", entry.toxicity))
            entry.toxic = toxic
            await _all(connection.update(entry) for connection in self._connections)
            return entry

    async def remove_toxic(self, name: str) -> None:
        """Returns when every connection has passed on what the toxic held. Raises ApiError 404."""
        async with self._changing:
            entry = self.toxic(name)
            self.toxics.remove(entry)
            await _all(connection.remove(entry) for connection in self._connections)

    async def remove_all_toxics(self) -> None:
        """As :meth:`remove_toxic`, for each."""
        for name in [each.name for each in self.toxics]:
            await self.remove_toxic(name)

    def _accept(self) -> asyncio.Protocol:
        return Connection(self.upstream, self.toxics, self._connections).client


def field(body: Mapping[str, Any], name: str, default: Any) -> Any:
    """A field of a JSON object with the default's type (a float takes an integer). Raises ApiError 400."""
    value = body.get(name)
    if value is None:
        return default
    wanted = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
        raise bad_body(f"field {name}: {value!r} is of the wrong type")
    return value


def _entry(body: Mapping[str, Any]) -> ToxicEntry:
    kind, stream = field(body, "type", ""), field(body, "stream", DOWNSTREAM)
    name = field(body, "name", "") or f"{kind}_{stream}"
    if stream not in (UPSTREAM, DOWNSTREAM):
        raise ApiError("stream was invalid, can be either upstream or downstream", 400)
    made = TYPES.get(kind)
    if made is None:
        raise ApiError("invalid toxic type", 400)
    toxic: Toxic = made().merged(field(body, "attributes", {}))
    return ToxicEntry(name, kind, stream, float(field(body, "toxicity", 1.0)), toxic)


async def _all(changes: Iterable[Any]) -> None:
    await asyncio.gather(*changes)


async def resolved(listen: str) -> str:
    """``host:port`` with the host as a number. Raises ApiError 500 for what is no address."""
    family, address = await _address(listen)
    return _joined(family, address)


async def bind(listen: str) -> socket.socket:
    """A listening socket; an empty host is every address of this machine. Raises ApiError 500."""
    family, address = await _address(listen)
    every = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(address, family=family, backlog=_BACKLOG, dualstack_ipv6=every)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise ApiError(f"listen tcp {listen}: bind: {str(why).lower()}", 500) from error


def shown(found: socket.socket) -> str:
    """A bound socket's address."""
    return _joined(found.family, found.getsockname())


async def _address(listen: str) -> tuple[int, tuple[str, int]]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit():
        raise ApiError(f"listen tcp: address {listen}: missing port in address", 500)
    wanted = host.strip("[]") or ("::" if socket.has_ipv6 else "0.0.0.0")  # noqa: S104 - asked for by an empty host
    try:
        found = await asyncio.get_running_loop().getaddrinfo(wanted, int(port), type=socket.SOCK_STREAM)
    except (OSError, OverflowError) as error:
        raise ApiError(f"listen tcp: lookup {host}: {error}", 500) from error
    best = next((each for each in found if each[0] == socket.AF_INET), found[0])
    return best[0], (str(best[4][0]), int(best[4][1]))


def _joined(family: int, address: tuple[Any, ...]) -> str:
    return f"[{address[0]}]:{address[1]}" if family == socket.AF_INET6 else f"{address[0]}:{address[1]}"
