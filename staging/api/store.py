"""The store behind the product: PostgreSQL or SQLite, with a bound on every call and the event loop never blocked."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from common import look_at

from api import schema
from api.schema import Step
from api.seed import Account, Spending

T = TypeVar("T")

CALL_S = 0.8
"""Bound on a read or write, below the 1 s that a reference probe waits."""
PING_S = 0.5


class StoreDown(Exception):
    """The store did not answer in time, or answered that it cannot."""


class Backend(Protocol):
    """One database. Every method may take for ever: the store bounds it and then calls ``cut``."""

    async def prepare(self) -> None:
        """Create and seed what is missing."""
        ...

    async def ping(self) -> None:
        """Fails where nothing could be written, too."""
        ...

    async def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]: ...
    async def change(self, key: str, steps: list[Step]) -> None:
        """Commit the steps together, with nobody else at the same key. They must bear being run twice."""
        ...

    async def finish_job(self, work: Callable[[str], int]) -> bool:
        """Take the oldest job that nobody has, do it and commit; False when there is none."""
        ...

    def cut(self) -> bool:
        """End the call under way without waiting; False where cancelling it is all that is needed."""
        ...


class Store:
    """Bounded calls on a backend; every failure is a StoreDown. A write returns after a durable commit."""

    def __init__(self, backend: Backend, failures: tuple[type[Exception], ...]) -> None:
        self._backend = backend
        self._failures = failures
        self._turn = asyncio.Lock()
        self._prepared = False

    async def ping(self) -> None:
        await self._bounded(self._backend.ping, PING_S)

    async def accounts(self) -> list[dict[str, Any]]:
        return [Account(*row)._asdict() for row in await self._rows(schema.ACCOUNTS)]

    async def spending(self) -> list[dict[str, Any]]:
        return [Spending(*row)._asdict() for row in await self._rows(schema.SPENDING)]

    async def canaries(self) -> dict[str, int]:
        """The newest canaries in the store and how often each is there."""
        return {str(canary): int(count) for canary, count in await self._rows(schema.CANARIES)}

    async def add_canary(self, canary: str) -> None:
        """A canary that is there already is not added again."""
        await self._change(canary, schema.canary(canary))

    async def payments(self) -> dict[str, int]:
        """The newest confirmed payments and how often each was booked."""
        return {str(payment): int(count) for payment, count in await self._rows(schema.PAYMENTS)}

    async def is_booked(self, payment: str) -> bool:
        return bool(await self._rows(schema.PAYMENT, (payment,)))

    async def book(self, payment: str, amount_cents: int) -> None:
        """A payment that is booked already is not booked again."""
        await self._change(payment, schema.payment(payment, amount_cents))

    async def documents(self) -> list[dict[str, Any]]:
        """The newest documents, newest first; ``words`` is None until the worker has indexed one."""
        found: dict[str, dict[str, Any]] = {
            row[0]: {"id": row[0], "name": row[1], "words": row[2], "shared_with": []}
            for row in await self._rows(schema.DOCUMENTS)
        }
        for document, email in await self._rows(schema.SHARES):
            if document in found:  # one may have come in between
                found[document]["shared_with"].append(email)
        return list(found.values())

    async def add_document(self, document: str, title: str, content: str) -> None:
        """Stored with a job for the worker. A document that is there already stays as it is."""
        await self._change(document, schema.document(document, title, content))

    async def has_document(self, document: str) -> bool:
        return bool(await self._rows(schema.DOCUMENT, (document,)))

    async def share(self, document: str, email: str) -> None:
        await self._change(document, schema.share(document, email))

    async def waiting(self) -> int:
        """How many jobs wait for a worker."""
        return int((await self._rows(schema.WAITING))[0][0])

    async def finish_job(self, work: Callable[[str], int]) -> bool:
        """Do the oldest job: ``work`` gets a document's content and gives its number of words. False: none waits."""
        return await self._bounded(lambda: self._backend.finish_job(work), CALL_S)

    async def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return await self._bounded(lambda: self._backend.rows(query, values), CALL_S)

    async def _change(self, key: str, steps: list[Step]) -> None:
        await self._bounded(lambda: self._backend.change(key, steps), CALL_S)

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
        task.add_done_callback(look_at)
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


def open_store(url: str) -> Store:
    """The store of a ``postgresql://`` or ``sqlite:///`` URL. Connects on the first call."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/"):
        from api.lite import Sqlite

        return Store(Sqlite(Path(rest[1:])), (sqlite3.Error, OSError))
    if scheme in {"postgresql", "postgres"}:
        import psycopg  # only where it is needed: the process stack has no PostgreSQL

        from api.postgres import Postgres

        return Store(Postgres(url), (psycopg.Error, OSError))
    raise SystemExit("DATABASE_URL is neither postgresql://... nor sqlite:////path")
