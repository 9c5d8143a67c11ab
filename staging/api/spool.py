"""Writes that the store could not take, kept on disk until it can."""

from __future__ import annotations

import asyncio
from pathlib import Path

from common import JsonLines
from store import Store, StoreDown

RETRY_S = 0.25


class Spool:
    """Canaries accepted in degraded mode. A kill between replaying and forgetting replays again, and adds nothing."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._file = JsonLines(folder / "spool.jsonl")
        self._store = store
        self._turn = asyncio.Lock()
        self._waiting = [str(record["id"]) for record in self._file.read()]
        self._filled = asyncio.Event()
        if self._waiting:
            self._filled.set()

    def __len__(self) -> int:
        return len(self._waiting)

    async def add(self, canary: str) -> None:
        """Returns when the canary is on disk."""
        async with self._turn:
            await asyncio.to_thread(self._file.append, {"id": canary})
            self._waiting.append(canary)
            self._filled.set()

    async def flush(self) -> None:
        """Move everything into the store. Raises StoreDown; what was moved before that stays moved."""
        async with self._turn:
            if not self._waiting:
                return
            moved = 0
            try:
                for canary in self._waiting:
                    await self._store.add_canary(canary)
                    moved += 1
            finally:
                if moved:
                    await self._forget(moved)

    async def _forget(self, moved: int) -> None:
        left = self._waiting[moved:]
        await asyncio.to_thread(self._file.replace, [{"id": canary} for canary in left])
        self._waiting = left
        if not left:
            self._filled.clear()

    async def replay_for_ever(self) -> None:
        """The background task: waits for something to move, and tries until the store takes it."""
        while True:
            await self._filled.wait()
            try:
                await self.flush()
            except StoreDown:
                await asyncio.sleep(RETRY_S)
