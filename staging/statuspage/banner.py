"""The banner inside the product: one at a time, on disk before its author is told so."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from common import data_dir, write_durably
from intake.bodies import short_text, small_object
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

LONGEST_ID, LONGEST_TEXT = 200, 2_000
_FRESH = {"Cache-Control": "no-store"}


class Banner:
    """What ``shown`` holds is shown; empty when there is none."""

    def __init__(self) -> None:
        self._path = data_dir() / "banner.json"
        self.shown: dict[str, Any] = json.loads(self._path.read_bytes()) if self._path.exists() else {}
        self._turn = asyncio.Lock()

    async def read(self, _request: Request) -> JSONResponse:
        return JSONResponse(self.shown, headers=_FRESH)

    async def show(self, request: Request) -> JSONResponse:
        wanted = request.path_params["id"]
        if self.shown.get("id") != wanted:
            raise HTTPException(404, f"banner {wanted!r} is not the one that is shown")
        return JSONResponse(self.shown, headers=_FRESH)

    async def put(self, request: Request) -> JSONResponse:
        """201 for a new banner, 200 when its id was shown already. An empty text takes down whatever is shown: 200."""
        body = await small_object(request)
        wanted, text = short_text(body, "id", LONGEST_ID), short_text(body, "text", LONGEST_TEXT, empty=True).strip()
        async with self._turn:
            new = bool(text) and self.shown.get("id") != wanted
            if {**self.shown, "id": wanted, "text": text} == self.shown:
                return JSONResponse(self.shown)
            posted = datetime.now(UTC).isoformat(timespec="milliseconds")
            banner = {"id": wanted, "text": text, "posted": posted} if text else {}
            await asyncio.to_thread(write_durably, self._path, json.dumps(banner).encode())
            self.shown = banner
        return JSONResponse(banner, status_code=201 if new else 200)
