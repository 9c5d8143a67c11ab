"""Health for machines and people, and the flags that change how the product bears trouble."""

from __future__ import annotations

import asyncio
from typing import Any

from common import json_object
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.dependencies import Dependencies
from api.flags import Flags
from api.spool import Spool
from api.store import Store, StoreDown


class Health:
    """``/health/*``, ``/api/health`` and ``/internal/flags``."""

    def __init__(self, release: str, store: Store, spool: Spool, flags: Flags, dependencies: Dependencies) -> None:
        self._release = release
        self._store = store
        self._spool = spool
        self._flags = flags
        self._dependencies = dependencies

    async def live(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> JSONResponse:
        """503 only when the store is down and nothing stands in for it: without a vendor most of the product works."""
        health = await self._look()
        return JSONResponse(health, status_code=503 if health["status"] == "down" else 200)

    async def status(self, _request: Request) -> JSONResponse:
        """Always 200: details for people."""
        details = {
            "release": self._release,
            "flags": self._flags.all(),
            "spool": len(self._spool),
            "queue_depth": self._dependencies.queue_depth,
        }
        return JSONResponse({**await self._look(), **details})

    async def _look(self) -> dict[str, Any]:
        """The store is asked now; of the others the latest known state is told."""
        states: dict[str, Any] = self._dependencies.states()
        try:
            await self._store.ping()
        except StoreDown as error:
            status = "degraded" if self._flags["degraded_mode"] else "down"
            return {"status": status, **states, "store": "down", "reason": str(error)}
        states["store"] = "up"
        return {"status": "degraded" if "down" in states.values() else "ok", **states}

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
