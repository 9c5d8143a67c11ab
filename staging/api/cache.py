"""The Redis cache: what is in it may be gone at any time, and a dead one costs next to nothing."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

CALL_S = 0.15


class Cache:
    """Short-lived JSON values. No call raises or takes longer than 0.15 s; a cache that was down last time is not
    asked again until a ping has found it."""

    def __init__(self, url: str) -> None:
        import redis  # only where there is one: the process stack has no Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        # The client for threads: on the one for asyncio, a call that is given up can leave its answer to the next.
        self._redis = redis.Redis.from_url(
            url, socket_timeout=CALL_S, socket_connect_timeout=CALL_S, retry=Retry(NoBackoff(), 0)
        )
        self._failures = (redis.RedisError, OSError, TimeoutError)
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="cache")
        self._up = False

    async def ping(self) -> bool:
        self._up = await self._call("PING") is not None
        return self._up

    async def get(self, key: str) -> Any | None:
        found = await self._call("GET", key) if self._up else None
        return None if found is None else json.loads(found)

    async def put(self, key: str, value: Any, seconds: int) -> None:
        if self._up:
            await self._call("SET", key, json.dumps(value), "EX", seconds)

    async def _call(self, *command: str | int) -> Any | None:
        """None also for a failure. A thread that is given up ends by its own time-outs, and its connection with it."""
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._redis.execute_command, *command)
        try:
            async with asyncio.timeout(CALL_S):
                return await work
        except self._failures:
            self._up = False
            return None
