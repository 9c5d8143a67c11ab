"""The ids of the writes that the product has acknowledged."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path

from common import JsonLines

KEPT = 5000


class Ledger:
    """The newest 5000 acknowledged ids, newest last, each on disk before it counts."""

    def __init__(self, path: Path) -> None:
        self._file = JsonLines(path)
        lines = self._file.read()
        self._lines = len(lines)
        self._ids = deque((str(line["id"]) for line in lines), maxlen=KEPT)
        self._turn = asyncio.Lock()

    async def add(self, acknowledged: str) -> None:
        async with self._turn:
            await asyncio.to_thread(self._file.append, {"id": acknowledged})
            self._ids.append(acknowledged)
            self._lines += 1
            if self._lines >= 2 * KEPT:
                await asyncio.to_thread(self._file.replace, [{"id": one} for one in self._ids])
                self._lines = len(self._ids)

    def ids(self) -> list[str]:
        return list(self._ids)
