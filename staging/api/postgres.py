"""PostgreSQL for the store: one connection, made again when it is lost."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from seed import accounts
from store import TABLES

T = TypeVar("T")
Connection = psycopg.AsyncConnection[Any]

# A session that the network cut off must not keep its locks: the server ends it.
_SESSION = "-c idle_in_transaction_session_timeout=3000 -c statement_timeout=2000"


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
            connection = await psycopg.AsyncConnection.connect(
                self._url, connect_timeout=1, autocommit=True, options=_SESSION, application_name="api"
            )
            self._connection = connection
        try:
            return await work(connection)
        except psycopg.Error:
            self._connection = None
            await connection.close()
            raise

    async def prepare(self) -> None:
        await self._call(_prepare)

    async def ping(self) -> None:
        await self.rows("SELECT 1")

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        async def work(connection: Connection) -> list[tuple[Any, ...]]:
            return await (await connection.execute(query)).fetchall()

        return await self._call(work)

    async def add_canary(self, canary: str) -> None:
        async def work(connection: Connection) -> None:
            async with connection.transaction():
                # A commit that we gave up waiting for may still be under way in an older session: the lock
                # makes this one wait for it, and the next statement sees its row.
                await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (canary,))
                await connection.execute(
                    "INSERT INTO canaries (id) SELECT %s::text"
                    " WHERE NOT EXISTS (SELECT 1 FROM canaries WHERE id = %s::text)",
                    (canary, canary),
                )

        await self._call(work)

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
    async with connection.transaction():
        for statement in TABLES:
            await connection.execute(statement)
        seeded = await (await connection.execute("SELECT count(*) FROM accounts")).fetchone()
        if seeded == (0,):
            async with connection.cursor() as cursor:
                await cursor.executemany("INSERT INTO accounts VALUES (%s, %s, %s, %s, %s)", accounts())
