"""The API of the reference product: accounts, sign-in, canary writes, health and flags, on one store.

Settings: PORT, HOST, DATABASE_URL (postgresql://... or sqlite:////path), DATA_DIR, RELEASE.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from common import data_dir, error_as_json, json_object, serve, setting, text_field, write_durably
from flags import Flags
from spool import Spool
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from store import Store, StoreDown, open_store


class Api:
    """The routes. While the store is down they answer 503, or in degraded mode from the cache and the spool."""

    def __init__(self, store: Store, folder: Path, release: str) -> None:
        self._store = store
        self._flags = Flags(folder)
        self._spool = Spool(folder, store)
        self._release = release
        self._cache_file = folder / "accounts.json"
        self._cache = json.loads(self._cache_file.read_bytes()) if self._cache_file.exists() else None

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        replay = asyncio.create_task(self._spool.replay_for_ever())
        try:
            yield
        finally:
            replay.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await replay

    def routes(self) -> list[Route]:
        return [
            Route("/health/live", self.live),
            Route("/health/ready", self.ready),
            Route("/api/health", self.ready),
            Route("/health/status", self.status),
            Route("/api/accounts", self.accounts),
            Route("/api/sign-in", self.sign_in, methods=["POST"]),
            Route("/api/canaries", self.add_canary, methods=["POST"]),
            Route("/api/canaries", self.canaries),
            Route("/internal/flags", self.flags),
            Route("/internal/flags/{flag}", self.set_flag, methods=["PUT"]),
        ]

    async def live(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> JSONResponse:
        health = await self._health()
        return JSONResponse(health, status_code=503 if health["status"] == "down" else 200)

    async def status(self, _request: Request) -> JSONResponse:
        """Always 200: details for people."""
        details = {"release": self._release, "flags": self._flags.all(), "spool": len(self._spool)}
        return JSONResponse({**await self._health(), **details})

    async def _health(self) -> dict[str, Any]:
        try:
            await self._store.ping()
        except StoreDown as error:
            return {"status": "degraded" if self._degraded else "down", "store": "down", "reason": str(error)}
        return {"status": "ok", "store": "up"}

    @property
    def _degraded(self) -> bool:
        return self._flags["degraded_mode"]

    async def accounts(self, _request: Request) -> JSONResponse:
        return JSONResponse(await self._known_accounts())

    async def sign_in(self, request: Request) -> JSONResponse:
        email = text_field(await json_object(request), "email").strip().lower()
        for account in await self._known_accounts():
            if account["email"] == email:
                return JSONResponse({"status": "signed-in", "account": account["id"]})
        raise HTTPException(404, "there is no account with that email")

    async def _known_accounts(self) -> list[dict[str, Any]]:
        """From the store; in degraded mode with the store down, the last list that it gave."""
        try:
            found = await self._store.accounts()
        except StoreDown as error:
            if not self._degraded or self._cache is None:
                raise unavailable(error) from error
            return list(self._cache)
        if found != self._cache:
            await asyncio.to_thread(write_durably, self._cache_file, json.dumps(found).encode())
            self._cache = found
        return found

    async def add_canary(self, request: Request) -> JSONResponse:
        """201: committed. 202: in degraded mode, on disk here and sure to be committed later."""
        canary = text_field(await json_object(request), "id")
        try:
            await self._store.add_canary(canary)
        except StoreDown as error:
            if not self._degraded:
                raise unavailable(error) from error
            await self._spool.add(canary)
            return JSONResponse({"id": canary, "status": "spooled"}, status_code=202)
        return JSONResponse({"id": canary, "status": "stored"}, status_code=201)

    async def canaries(self, _request: Request) -> JSONResponse:
        """What the store holds, after what is spooled was moved there."""
        try:
            await self._spool.flush()
            return JSONResponse(await self._store.canaries())
        except StoreDown as error:
            raise unavailable(error) from error

    async def flags(self, _request: Request) -> JSONResponse:
        return JSONResponse(self._flags.all())

    async def set_flag(self, request: Request) -> JSONResponse:
        value = (await json_object(request)).get("value")
        if not isinstance(value, bool):
            raise HTTPException(400, "the field 'value' is missing or is neither true nor false")
        flag = request.path_params["flag"]
        try:
            await asyncio.to_thread(self._flags.save, flag, value)
        except KeyError as error:
            raise HTTPException(404, f"there is no flag {flag!r}") from error
        return JSONResponse(self._flags.all())


def unavailable(error: StoreDown) -> HTTPException:
    """The answer when the store is down and there is nothing to stand in for it."""
    return HTTPException(503, f"the store is down: {error}")


def main() -> None:
    api = Api(open_store(setting("DATABASE_URL")), data_dir(), setting("RELEASE", "reference-1"))
    serve(Starlette(routes=api.routes(), lifespan=api.lifespan, exception_handlers={HTTPException: error_as_json}))


if __name__ == "__main__":
    main()
