"""PostgreSQL for the store: one connection, made again when it is lost."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg

from api import schema
from api.schema import Step

T = TypeVar("T")
Connection = psycopg.AsyncConnection[Any]

# A session that the network cut off must not keep its locks: the server ends it.
_SESSION = "-c idle_in_transaction_session_timeout=3000 -c statement_timeout=2000"
_PREPARE_LOCK = 7_021_956
"""Any number that nothing else locks: two replicas that start together create tables one after the other."""


class Postgres:
    """The caller takes turns: one call at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._given_up = False

    async def _call(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run once; once more on a new connection when the kept one turns out to be dead. All calls bear that."""
        kept = self._connection is not None and not self._connection.closed
        self._given_up = False
        try:
            return await self._once(work)
        except psycopg.OperationalError:
            if not kept or self._given_up:
                raise
            return await self._once(work)

    async def _once(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        connection = self._connection
        if connection is None or connection.closed:
            connection = await self._connect()
            self._connection = connection
        try:
            return await work(connection)
        except psycopg.Error:
            self._connection = None
            await connection.close()
            raise

    async def _connect(self) -> Connection:
        """A server that takes no writes, such as a replica that is not promoted yet, is refused."""
        return await psycopg.AsyncConnection.connect(
            self._url,
            connect_timeout=1,
            autocommit=True,
            options=_SESSION,
            application_name="app",
            target_session_attrs="read-write",
        )

    async def prepare(self) -> None:
        await self._call(_prepare)

    async def ping(self) -> None:
        """A server can also turn read-only under a session that is open."""
        if await self.rows("SHOW transaction_read_only") != [("off",)]:
            self.cut()
            raise psycopg.errors.ReadOnlySqlTransaction("the server takes no writes")

    async def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        async def work(connection: Connection) -> list[tuple[Any, ...]]:
            return await (await connection.execute(query, values or None)).fetchall()

        return await self._call(work)

    async def change(self, key: str, steps: list[Step]) -> None:
        async def work(connection: Connection) -> None:
            async with connection.transaction():
                # A commit that we gave up waiting for may still be under way in an older session: the lock
                # makes this one wait for it, and the next statement sees its rows.
                await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))
                for statement, values in steps:
                    await connection.execute(statement, values)

        await self._call(work)

    async def finish_job(self, work: Callable[[str], int]) -> bool:
        async def take(connection: Connection) -> bool:
            async with connection.transaction():
                taken = await connection.execute(schema.TAKE_JOB.format(lock="FOR UPDATE SKIP LOCKED"))
                jobs = await taken.fetchall()
                for (document,) in jobs:
                    found = await (await connection.execute(schema.CONTENT, (document,))).fetchall()
                    await connection.execute(schema.INDEX, (document, work(found[0][0])))
            return bool(jobs)

        return await self._call(take)

    def cut(self) -> bool:
        """Shut the socket: the call under way sees its end at once, whatever the server does.

        Cancelling it the usual way would ask the same server, and block until that answers.
        """
        self._given_up = True
        connection, self._connection = self._connection, None
        if connection is None or connection.closed:
            return False  # still connecting
        with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
        return True


async def _prepare(connection: Connection) -> None:
    """Look first: making what is there already would still wait for locks that a stuck session may hold."""
    if await _is_prepared(connection):
        return
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_PREPARE_LOCK,))
        for statement in schema.create("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"):
            await cursor.execute(statement)
        for statement, rows in schema.SEEDS:
            await cursor.executemany(statement, rows)


async def _is_prepared(connection: Connection) -> bool:
    """All tables are there; they came in one transaction, with their seeds."""
    query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = ANY(%s)"
    found = await (await connection.execute(query, (list(schema.TABLES),))).fetchone()
    return found == (len(schema.TABLES),)
