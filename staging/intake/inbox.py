"""The mailbox: each webhook is kept with its time of arrival until its reader says that it has it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from common import JsonLines
from starlette.exceptions import HTTPException

MOST_EVENTS = 10_000
MOST_BYTES = 64 * 1024 * 1024
_ANSWER_BYTES = 4 * 1024 * 1024


class Mailbox:
    """Numbered events, oldest first. A number is never used twice, not even after a restart with nothing kept."""

    def __init__(self, folder: Path) -> None:
        self._file = JsonLines(folder / "events.jsonl")
        records = self._file.read()
        self._kept = {record["id"]: _encoded(record) for record in records if "body" in record}
        self._last: int = max((record["id"] for record in records), default=0)
        self._size = sum(map(len, self._kept.values()))
        self._turn = asyncio.Lock()
        self._arrival = asyncio.Event()

    @property
    def last(self) -> int:
        """The highest number that was given so far."""
        return self._last

    def __len__(self) -> int:
        return len(self._kept)

    async def keep(self, source: str, received_utc_ns: int, body: dict[str, Any]) -> int:
        """The event's number, once it is on disk. A full mailbox answers 507: nothing that was taken gives way."""
        async with self._turn:
            if len(self._kept) >= MOST_EVENTS or self._size >= MOST_BYTES:
                raise HTTPException(507, "the mailbox is full; nobody has acknowledged what is in it")
            record = {"id": self._last + 1, "source": source, "received_utc_ns": received_utc_ns, "body": body}
            await asyncio.to_thread(self._file.append, record)
            self._last += 1
            self._kept[self._last] = _encoded(record)
            self._size += len(self._kept[self._last])
        self._wake()
        return self._last

    def _wake(self) -> None:
        waited, self._arrival = self._arrival, asyncio.Event()
        waited.set()

    async def after(self, number: int, wait_s: float) -> list[bytes]:
        """The kept events behind a number, each as JSON; as many as fit one answer. Waits while there is none."""
        end = asyncio.get_running_loop().time() + wait_s
        while not (found := self._behind(number)) and (left := end - asyncio.get_running_loop().time()) > 0:
            arrival = self._arrival
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(arrival.wait(), left)
        return found

    def _behind(self, number: int) -> list[bytes]:
        found: list[bytes] = []
        size = 0
        for key, line in self._kept.items():
            if key <= number:
                continue
            size += len(line)
            if found and size > _ANSWER_BYTES:
                break
            found.append(line)
        return found

    async def forget(self, number: int) -> int:
        """Drop what stands up to this number; how many events are left. The last number is remembered on disk."""
        async with self._turn:
            left = {key: line for key, line in self._kept.items() if key > number}
            records = [{"id": self._last}, *map(json.loads, left.values())]
            await asyncio.to_thread(self._file.replace, records)
            self._kept, self._size = left, sum(map(len, left.values()))
        return len(left)


def _encoded(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()
