"""The worker of the reference product: takes jobs from the queue and indexes documents.

Settings: PORT, HOST, DATA_DIR, DATABASE_URL (the api's).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from api.store import Store, StoreDown, open_store
from common import error_as_json, metrics_page, running, serve, setting
from prometheus_client import Counter, Gauge
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

LOOK_S = 0.5
"""How often an empty queue is looked at."""

DONE = Counter("jobs_done_total", "Documents indexed.")
FAILED = Counter("jobs_failed_total", "Attempts at a job that were given up; the job stays in the queue.")
WAITING = Gauge("jobs_waiting", "Jobs in the queue; NaN while the store cannot tell.")


def count_words(content: str) -> int:
    return len(content.split())


class Worker:
    """One job at a time. A job leaves the queue in the transaction that keeps its result, so a kill loses none."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: int | None = None
        self._trouble = "has not reached the store yet"

    async def work_for_ever(self) -> None:
        while True:
            try:
                await self._empty_queue()
            except StoreDown as error:
                self._note(None, f"the store is down: {error}")
            await asyncio.sleep(LOOK_S)

    async def _empty_queue(self) -> None:
        self._note(await self._store.waiting())
        while self._waiting:
            try:
                done = await self._store.finish_job(count_words)
            except StoreDown:
                FAILED.inc()
                raise
            DONE.inc(done)
            self._note(await self._store.waiting())
            if not done:
                return  # what waits is in another worker's hands

    def _note(self, waiting: int | None, trouble: str = "") -> None:
        self._waiting, self._trouble = waiting, trouble
        WAITING.set(float("nan") if waiting is None else waiting)

    async def health(self, _request: Request) -> JSONResponse:
        """503 while it cannot reach the queue: then it does nothing."""
        if self._trouble:
            return JSONResponse({"status": "down", "reason": self._trouble}, status_code=503)
        return JSONResponse({"status": "ok", "jobs_waiting": self._waiting})

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        async with running(self.work_for_ever()):
            yield


def main() -> None:
    worker = Worker(open_store(setting("DATABASE_URL")))
    routes = [Route("/health", worker.health), Route("/metrics", metrics_page)]
    serve(Starlette(routes=routes, lifespan=worker.lifespan, exception_handlers={HTTPException: error_as_json}))


if __name__ == "__main__":
    main()
