"""Writes that the store could not take, kept on disk until it can. Replicas share the folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from pathlib import Path

from common import write_durably

from api.store import Store, StoreDown

LOOK_S = 0.25
"""How often the folder is looked at: another replica's writes are there as well."""


class Spool:
    """Canaries accepted in degraded mode, a file each. Replaying one twice, or in two replicas, adds nothing."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder / "spool"
        self._folder.mkdir(exist_ok=True)
        self._store = store
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._waiting())

    def _waiting(self) -> list[Path]:
        """Oldest first, about: half-written files have other names."""
        return sorted(self._folder.glob("[0-9]*.json"))

    async def add(self, canary: str) -> None:
        """Returns when the canary is on disk."""
        path = self._folder / f"{time.time_ns():020}-{uuid.uuid4().hex}.json"
        await asyncio.to_thread(write_durably, path, json.dumps({"id": canary}).encode())

    async def flush(self) -> None:
        """Move everything into the store. Raises StoreDown; what was moved before that stays moved."""
        async with self._turn:
            for path in self._waiting():
                await self._move(path)

    async def _move(self, path: Path) -> None:
        try:
            canary = json.loads(path.read_bytes())["id"]
        except FileNotFoundError:
            return  # another replica moved it
        await self._store.add_canary(canary)
        path.unlink(missing_ok=True)  # should this not last, it is replayed and adds nothing

    async def replay_for_ever(self) -> None:
        """The background task: moves what there is, and tries again until the store takes it."""
        while True:
            with contextlib.suppress(StoreDown):  # then the writes stay where they are
                await self.flush()
            await asyncio.sleep(LOOK_S)
