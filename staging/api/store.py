"""The store behind the API: PostgreSQL or SQLite, with a bound on every call and the event loop never blocked."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from seed import Account, accounts

T = TypeVar("T")

CALL_S = 0.8
"""Bound on a read or write, below the 1 s that a reference probe waits."""
PING_S = 0.5

TABLES = (
    """CREATE TABLE IF NOT EXISTS accounts (
        id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, company TEXT NOT NULL, plan TEXT NOT NULL)""",
    # No unique constraint on purpose: a write that was made twice must be visible as two rows.
    "CREATE TABLE IF NOT EXISTS canaries (id TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS canaries_by_id ON canaries (id)",
)
COUNT = "SELECT id, count(*) FROM canaries GROUP BY id"
LIST = "SELECT id, email, name, company, plan FROM accounts ORDER BY id"


class StoreDown(Exception):
    """The store did not answer in time, or answered that it cannot."""


class Backend(Protocol):
    """One database. Every method may take for ever: the store bounds it and then calls ``cut``."""

    async def prepare(self) -> None:
        """Create and seed what is missing."""
        ...

    async def ping(self) -> None: ...
    async def rows(self, query: str) -> list[tuple[Any, ...]]: ...
    async def add_canary(self, canary: str) -> None:
        """Commit the canary unless it is there."""
        ...

    def cut(self) -> bool:
        """End the call under way without waiting; False where cancelling it is all that is needed."""
        ...


class Store:
    """Bounded calls on a backend; every failure is a StoreDown."""

    def __init__(self, backend: Backend, failures: tuple[type[Exception], ...]) -> None:
        self._backend = backend
        self._failures = failures
        self._turn = asyncio.Lock()
        self._prepared = False

    async def ping(self) -> None:
        await self._bounded(self._backend.ping, PING_S)

    async def accounts(self) -> list[dict[str, Any]]:
        rows = await self._bounded(lambda: self._backend.rows(LIST), CALL_S)
        return [Account(*row)._asdict() for row in rows]

    async def canaries(self) -> dict[str, int]:
        """Every canary in the store and how often it is there."""
        rows = await self._bounded(lambda: self._backend.rows(COUNT), CALL_S)
        return {str(canary): int(count) for canary, count in rows}

    async def add_canary(self, canary: str) -> None:
        """Returns after a durable commit. A canary that is there already is not added again."""
        await self._bounded(lambda: self._backend.add_canary(canary), CALL_S)

    async def _bounded(self, work: Callable[[], Awaitable[T]], bound_s: float) -> T:
        try:
            async with asyncio.timeout(bound_s), self._turn:
                return await self._uncancelled(work)
        except TimeoutError as error:
            raise StoreDown(f"no answer within {bound_s:g} s") from error
        except self._failures as error:
            self._prepared = False  # it may come back empty
            raise StoreDown(" ".join(str(error).split()) or type(error).__name__) from error

    async def _uncancelled(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run a call whose own cancelling could block: on a time-out it is cut off from the database instead."""
        task = asyncio.ensure_future(self._prepared_then(work))
        task.add_done_callback(_look_at)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._backend.cut():
                await asyncio.wait({task}, timeout=0.1)
            task.cancel()
            raise

    async def _prepared_then(self, work: Callable[[], Awaitable[T]]) -> T:
        if not self._prepared:
            await self._backend.prepare()
            self._prepared = True
        return await work()


def _look_at(task: asyncio.Future[Any]) -> None:
    """Take the outcome of a call that nobody waits for any more, so that asyncio does not report it as lost."""
    if not task.cancelled():
        task.exception()


class Sqlite:
    """A file; every call opens it anew, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="store")

    async def _call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._work, work)

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = sqlite3.connect(self._path, timeout=0.3, isolation_level="IMMEDIATE")
        try:
            with connection:  # commits, with SQLite's default of syncing to disk first
                return work(connection)
        finally:
            connection.close()

    async def prepare(self) -> None:
        await self._call(_prepare_sqlite)

    async def ping(self) -> None:
        await self.rows("SELECT 1 FROM accounts LIMIT 1")

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return await self._call(lambda connection: connection.execute(query).fetchall())

    async def add_canary(self, canary: str) -> None:
        query = "INSERT INTO canaries (id) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM canaries WHERE id = ?)"
        await self._call(lambda connection: connection.execute(query, (canary, canary)))

    def cut(self) -> bool:
        return False  # the busy time-out ends every call soon


def _prepare_sqlite(connection: sqlite3.Connection) -> None:
    for statement in TABLES:
        connection.execute(statement)
    if connection.execute("SELECT count(*) FROM accounts").fetchone() == (0,):
        connection.executemany("INSERT INTO accounts VALUES (?, ?, ?, ?, ?)", accounts())


def open_store(url: str) -> Store:
    """The store of a ``postgresql://`` or ``sqlite:///`` URL. Connects on the first call."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/"):
        return Store(Sqlite(Path(rest[1:])), (sqlite3.Error, OSError))
    if scheme in {"postgresql", "postgres"}:
        import psycopg  # only where it is needed: the process stack has no PostgreSQL
        from postgres import Postgres

        return Store(Postgres(url), (psycopg.Error, OSError))
    raise SystemExit("DATABASE_URL is neither postgresql://... nor sqlite:////path")
