"""A Toxiproxy server in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from drill.errors import StackError
from drill.model.lease import Moment
from drill.model.proxies import ProxyState, ToxicState
from drill.ports import Runtime


class MemoryProxies:
    """Implements ``Proxies``: it keeps what it is told; nothing goes through it."""

    def __init__(self, runtime: Runtime, proxies: Iterable[ProxyState]) -> None:
        self._runtime = runtime
        self._proxies = {proxy.name: proxy for proxy in proxies}

    def all(self) -> Mapping[str, ProxyState]:
        return dict(self._proxies)

    def add_toxic(self, proxy: str, toxic: ToxicState) -> Moment:
        found = self._of(proxy)
        self._proxies[proxy] = replace(found, toxics=(*found.toxics, toxic))
        return self._now()

    def update_toxic(self, proxy: str, toxic: ToxicState) -> Moment:
        found = self._of(proxy)
        toxics = tuple(toxic if each.name == toxic.name else each for each in found.toxics)
        self._proxies[proxy] = replace(found, toxics=toxics)
        return self._now()

    def remove_toxic(self, proxy: str, name: str) -> None:
        if proxy in self._proxies:
            found = self._proxies[proxy]
            self._proxies[proxy] = replace(found, toxics=tuple(each for each in found.toxics if each.name != name))

    def set_enabled(self, proxy: str, enabled: bool) -> Moment:
        self._proxies[proxy] = replace(self._of(proxy), enabled=enabled)
        return self._now()

    def set_upstream(self, proxy: str, upstream: str) -> None:
        self._proxies[proxy] = replace(self._of(proxy), upstream=upstream)

    def _of(self, proxy: str) -> ProxyState:
        if proxy not in self._proxies:
            raise StackError(f"no proxy is named {proxy!r}")
        return self._proxies[proxy]

    def _now(self) -> Moment:
        return Moment(at_ns=self._runtime.now_ns(), uncertainty_ns=0, source="memory")
