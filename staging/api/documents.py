"""``/api/documents``: uploaded documents, which the worker indexes, and with whom they are shared."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from common import json_object, text_field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.accounts import unavailable
from api.store import Store, StoreDown

T = TypeVar("T")


class Documents:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, request: Request) -> JSONResponse:
        """201 once document and job are committed. The same id again is the same document; the first one stands."""
        body = await json_object(request)
        document, name, content = (text_field(body, field) for field in ("id", "name", "content"))
        await _or_503(self._store.add_document(document, name, content))
        return JSONResponse({"id": document, "status": "stored"}, status_code=201)

    async def list(self, _request: Request) -> JSONResponse:
        """The newest 200, newest first; ``words`` is null until the worker has indexed one."""
        return JSONResponse(await _or_503(self._store.documents()))

    async def share(self, request: Request) -> JSONResponse:
        document = request.path_params["id"]
        email = text_field(await json_object(request), "email")
        if not await _or_503(self._store.has_document(document)):
            raise HTTPException(404, f"there is no document {document!r}")
        await _or_503(self._store.share(document, email))
        return JSONResponse({"id": document, "shared_with": email}, status_code=201)


async def _or_503(call: Awaitable[T]) -> T:
    try:
        return await call
    except StoreDown as error:
        raise unavailable(error) from error
