"""All proxies of a server, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from drill.proxy.errors import ApiError, bad_body, missing
from drill.proxy.proxy import Proxy, field


class Collection:
    """Changes come one after the other; looking is free."""

    def __init__(self) -> None:
        self._proxies: dict[str, Proxy] = {}
        self._changing = asyncio.Lock()

    def all(self) -> Sequence[Proxy]:
        """Every proxy."""
        return tuple(self._proxies.values())

    def get(self, name: str) -> Proxy:
        """Raises ApiError 404."""
        if name not in self._proxies:
            raise ApiError("proxy not found", 404)
        return self._proxies[name]

    async def create(self, body: Mapping[str, Any]) -> Proxy:
        """Raises ApiError: 400 for a missing or wrong field, 409 for a name that is taken, 500 for its address."""
        async with self._changing:
            proxy, enabled = _proxy(body)
            if proxy.name in self._proxies:
                raise ApiError("proxy already exists", 409)
            if enabled:
                await proxy.start()
            self._proxies[proxy.name] = proxy
            return proxy

    async def populate(self, bodies: Sequence[Mapping[str, Any]]) -> list[Proxy]:
        """All or, when a field is wrong, none. One that is there with the same addresses is left alone, else replaced.

        Raises ApiError like :meth:`create`, with the place counted from 1.
        """
        async with self._changing:
            wanted = [_proxy(body, f" at proxy {place}") for place, body in enumerate(bodies, 1)]
            return [await self._put(proxy, enabled) for proxy, enabled in wanted]

    async def update(self, name: str, body: Mapping[str, Any]) -> Proxy:
        """Fields left out stay. Raises ApiError 404, 400, 500."""
        async with self._changing:
            proxy = self.get(name)
            listen, upstream = field(body, "listen", proxy.listen), field(body, "upstream", proxy.upstream)
            await proxy.change(listen, upstream, field(body, "enabled", proxy.enabled))
            return proxy

    async def delete(self, name: str) -> None:
        """Raises ApiError 404."""
        async with self._changing:
            self.get(name).stop()
            del self._proxies[name]

    async def reset(self) -> None:
        """Enable every proxy and remove every toxic. Raises ApiError 500 when one cannot listen."""
        for proxy in self.all():
            async with self._changing:
                await proxy.start()
            await proxy.remove_all_toxics()

    def stop(self) -> None:
        """Close everything."""
        for proxy in self.all():
            proxy.stop()

    async def _put(self, proxy: Proxy, enabled: bool) -> Proxy:
        there = self._proxies.get(proxy.name)
        if there is not None:
            if await there.is_at(proxy.listen, proxy.upstream):
                return there
            there.stop()
            del self._proxies[proxy.name]
        if enabled:
            await proxy.start()
        self._proxies[proxy.name] = proxy
        return proxy


def _proxy(body: Any, place: str = "") -> tuple[Proxy, bool]:
    if not isinstance(body, Mapping):
        raise bad_body(f"expected an object{place}")
    name, listen, upstream = (field(body, each, "") for each in ("name", "listen", "upstream"))
    enabled = field(body, "enabled", True)
    if not name:
        raise missing("name" + place)
    if not upstream:
        raise missing("upstream" + place)
    return Proxy(name, listen, upstream), enabled
