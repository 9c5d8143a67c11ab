"""``/api/canaries``: writes that a drill counts afterwards, each of which must be there exactly once."""

from __future__ import annotations

from common import json_object, text_field
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.accounts import unavailable
from api.flags import Flags
from api.spool import Spool
from api.store import Store, StoreDown


class Canaries:
    def __init__(self, store: Store, spool: Spool, flags: Flags) -> None:
        self._store = store
        self._spool = spool
        self._flags = flags

    async def add(self, request: Request) -> JSONResponse:
        """201: committed. 202: in degraded mode, on disk here and sure to be committed later."""
        canary = text_field(await json_object(request), "id")
        try:
            await self._store.add_canary(canary)
        except StoreDown as error:
            if not self._flags["degraded_mode"]:
                raise unavailable(error) from error
            await self._spool.add(canary)
            return JSONResponse({"id": canary, "status": "spooled"}, status_code=202)
        return JSONResponse({"id": canary, "status": "stored"}, status_code=201)

    async def list(self, _request: Request) -> JSONResponse:
        """What the store holds, after what is spooled was moved there."""
        try:
            await self._spool.flush()
            return JSONResponse(await self._store.canaries())
        except StoreDown as error:
            raise unavailable(error) from error
