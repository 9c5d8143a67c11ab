"""SQLite for the store: one file that several processes of the process stack share."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from api import schema
from api.schema import Step

T = TypeVar("T")

BUSY_S = 0.3
"""How long a call waits for another process's write, well below the bound on a call."""


class Sqlite:
    """Every call opens the file anew, in a thread of its own, so that a file that is gone or replaced is seen.

    The file is in WAL mode: readers never wait, and writers of all processes take turns through SQLite's own locks,
    which end with the process that holds them. A killed process leaves a log that the next one to open reads.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="store")
        # Held open: the last connection to close would fold the log into the file, each time.
        self._anchor: sqlite3.Connection | None = None

    async def _call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._work, work)

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level="IMMEDIATE")
        try:
            connection.execute("PRAGMA synchronous = FULL")  # a commit is on disk, also where WAL would relax it
            with connection:
                return work(connection)
        finally:
            connection.close()

    async def prepare(self) -> None:
        await self._call(_prepare)
        await self._call(self._hold_open)

    def _hold_open(self, _connection: sqlite3.Connection) -> None:
        former = self._anchor
        self._anchor = sqlite3.connect(self._path, timeout=BUSY_S, check_same_thread=False)
        self._anchor.execute("SELECT 1 FROM accounts LIMIT 1").fetchone()  # reads, so that it takes its part in the log
        if former is not None:
            former.close()

    async def ping(self) -> None:
        await self.rows("SELECT 1 FROM accounts LIMIT 1")

    async def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return await self._call(lambda connection: connection.execute(_own(query), values).fetchall())

    async def change(self, _key: str, steps: list[Step]) -> None:
        """SQLite has one writer at a time whatever the key."""

        def work(connection: sqlite3.Connection) -> None:
            for statement, values in steps:
                connection.execute(_own(statement), values)

        await self._call(work)

    async def finish_job(self, work: Callable[[str], int]) -> bool:
        def take(connection: sqlite3.Connection) -> bool:
            taken = connection.execute(schema.TAKE_JOB.format(lock="")).fetchall()
            for (document,) in taken:
                (content,) = connection.execute(_own(schema.CONTENT), (document,)).fetchone()
                connection.execute(_own(schema.INDEX), (document, work(content)))
            return bool(taken)

        return await self._call(take)

    def cut(self) -> bool:
        return False  # the busy time-out ends every call soon


def _own(statement: str) -> str:
    """In SQLite's way of writing parameters."""
    return statement.replace("%s", "?")


def _prepare(connection: sqlite3.Connection) -> None:
    """Look first: making what is there already would still wait for another process's write."""
    made = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if made.issuperset(schema.TABLES):
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in schema.create("INTEGER PRIMARY KEY"):
        connection.execute(statement)
    for statement, rows in schema.SEEDS:
        connection.executemany(_own(statement), rows)
