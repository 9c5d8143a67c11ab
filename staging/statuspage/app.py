"""The public status page of the reference product, and the banner that the product shows.

Settings: PORT, HOST, DATA_DIR.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from banner import Banner
from common import JsonLines, data_dir, error_as_json, serve, text_field, unexpected_as_json
from intake.bodies import small_object
from page import render
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-store"}


class StatusPage:
    """The posts, oldest first; each is on disk before its author is told so."""

    def __init__(self, banner: Banner) -> None:
        self._banner = banner
        self._file = JsonLines(data_dir() / "posts.jsonl")
        self._posts = self._file.read()
        self._turn = asyncio.Lock()

    async def page(self, _request: Request) -> HTMLResponse:
        return HTMLResponse(render(self._posts, self._banner.shown), headers=HEADERS)

    async def health(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "posts": len(self._posts)})

    async def list(self, _request: Request) -> JSONResponse:
        return JSONResponse(self._posts)

    async def show(self, request: Request) -> JSONResponse:
        wanted = request.path_params["id"]
        if post := self._find(wanted):
            return JSONResponse(post)
        raise HTTPException(404, f"there is no post {wanted!r}")

    async def add(self, request: Request) -> JSONResponse:
        """201 for a new post. The same id again is the same post: 200, and the first one stands."""
        body = await small_object(request)
        fields: dict[str, Any] = {name: text_field(body, name) for name in ("id", "status", "title", "body")}
        async with self._turn:
            if known := self._find(fields["id"]):
                return JSONResponse(known)
            post = {**fields, "posted": datetime.now(UTC).isoformat(timespec="milliseconds")}
            await asyncio.to_thread(self._file.append, post)
            self._posts.append(post)
        return JSONResponse(post, status_code=201)

    def _find(self, wanted: str) -> dict[str, Any] | None:
        return next((post for post in self._posts if post["id"] == wanted), None)


def main() -> None:
    banner = Banner()
    site = StatusPage(banner)
    routes = [
        Route("/", site.page),
        Route("/health", site.health),
        Route("/posts", site.add, methods=["POST"]),
        Route("/posts", site.list),
        Route("/posts/{id:path}", site.show),
        Route("/banner", banner.put, methods=["PUT"]),
        Route("/banner", banner.read),
        Route("/banner/{id:path}", banner.show),
    ]
    serve(Starlette(routes=routes, exception_handlers={HTTPException: error_as_json, Exception: unexpected_as_json}))


if __name__ == "__main__":
    main()
