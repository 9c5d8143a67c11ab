"""Accounts and signing in; what they read can come from the last good answer in degraded mode."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from common import json_object, text_field, write_durably
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.flags import Flags
from api.store import Store, StoreDown
from api.upstream import Budget, Refused, Upstream

Rows = list[dict[str, Any]]


def unavailable(error: StoreDown) -> HTTPException:
    """The answer when the store is down and there is nothing to stand in for it."""
    return HTTPException(503, f"the store is down: {error}")


class LastGood:
    """A listing from the store; in degraded mode with the store down, the last one that it gave, also after a kill."""

    def __init__(self, path: Path, flags: Flags, read: Callable[[], Awaitable[Rows]]) -> None:
        self._path = path
        self._flags = flags
        self._read = read
        self._kept: Rows | None = json.loads(path.read_bytes()) if path.exists() else None

    async def rows(self) -> Rows:
        """Raises HTTPException 503 when there is neither."""
        try:
            found = await self._read()
        except StoreDown as error:
            if not self._flags["degraded_mode"] or self._kept is None:
                raise unavailable(error) from error
            return list(self._kept)
        if found != self._kept:
            await asyncio.to_thread(write_durably, self._path, json.dumps(found).encode())
            self._kept = found
        return found


class Accounts:
    """``/api/accounts`` and ``/api/sign-in``."""

    def __init__(self, store: Store, folder: Path, flags: Flags, identity: Upstream) -> None:
        self._known = LastGood(folder / "accounts.json", flags, store.accounts)
        self._flags = flags
        self._identity = identity

    async def list(self, _request: Request) -> JSONResponse:
        return JSONResponse(await self._known.rows())

    async def sign_in(self, request: Request) -> JSONResponse:
        """The cookie says who is signed in; with the flag ``external_sign_in`` the identity provider must agree."""
        email = text_field(await json_object(request), "email").strip().lower()
        budget = Budget()
        account = await self.find("email", email)
        if account is None:
            raise HTTPException(404, "there is no account with that email")
        if self._flags["external_sign_in"]:
            await self._verify(email, budget)
        answer = JSONResponse({"status": "signed-in", "account": account["id"]})
        answer.set_cookie("account", str(account["id"]), httponly=True, samesite="lax")
        return answer

    async def _verify(self, email: str, budget: Budget) -> None:
        try:
            answer = await self._identity.post("/identity/verify", {"email": email}, budget)
        except Refused as error:
            raise HTTPException(502, str(error)) from error
        if answer.get("verified") is not True:
            raise HTTPException(403, "the identity provider does not know that email")

    async def find(self, field: str, value: object) -> dict[str, Any] | None:
        """The account whose field has that value."""
        return next((account for account in await self._known.rows() if account[field] == value), None)
