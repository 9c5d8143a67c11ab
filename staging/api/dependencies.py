"""What the API depends on and how each of it does, without ever making a reader wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from api import metrics
from api.cache import Cache
from api.store import Store, StoreDown

LOOK_S = 0.5
STALE_S = 15.0
"""After this long without a real call nothing is claimed about an upstream service any more."""


@dataclass(frozen=True)
class Seen:
    """The latest outcome of a call, and when it was on the monotonic clock."""

    up: bool
    at: float


class Dependencies:
    """The latest state of each dependency: ``up``, ``down``, ``unknown`` or ``not configured``."""

    def __init__(self, configured: dict[str, bool]) -> None:
        self._configured = configured
        self._seen: dict[str, Seen] = {}
        self.queue_depth: int | None = None

    def saw(self, name: str, up: bool) -> None:
        self._seen[name] = Seen(up, time.monotonic())
        metrics.UP.labels(name).set(up)

    def state(self, name: str) -> str:
        if not self._configured[name]:
            return "not configured"
        seen = self._seen.get(name)
        if seen is None or time.monotonic() - seen.at > STALE_S:
            return "unknown"
        return "up" if seen.up else "down"

    def states(self) -> dict[str, str]:
        return {name: self.state(name) for name in self._configured}

    def forget_stale(self) -> None:
        for name in list(self._seen):
            if self.state(name) == "unknown":
                del self._seen[name]
                metrics.UP.remove(name)

    def count_waiting(self, jobs: int | None) -> None:
        """None: the store cannot tell."""
        self.queue_depth = jobs
        metrics.WAITING.set(float("nan") if jobs is None else jobs)


async def watch_for_ever(dependencies: Dependencies, store: Store, cache: Cache | None) -> None:
    """The background task: cheap pings at a steady pace. A slow dependency delays no other one's."""

    async def look_at_store() -> None:
        try:
            await store.ping()
            waiting = await store.waiting()
        except StoreDown:
            dependencies.saw("store", False)
            dependencies.count_waiting(None)
        else:
            dependencies.saw("store", True)
            dependencies.count_waiting(waiting)

    async def look_at_cache() -> None:
        if cache is not None:
            dependencies.saw("cache", await cache.ping())
        dependencies.forget_stale()

    async with asyncio.TaskGroup() as together:
        together.create_task(_every(LOOK_S, look_at_store))
        together.create_task(_every(LOOK_S, look_at_cache))


async def _every(seconds: float, look: Callable[[], Awaitable[None]]) -> None:
    while True:
        await look()
        await asyncio.sleep(seconds)
