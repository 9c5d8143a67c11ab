"""The stack's durable mailbox for webhooks, and the captured chat.

Settings: PORT, HOST, DATA_DIR, INTAKE_TOKEN.
"""

from __future__ import annotations

import hmac
import math
import time
from collections.abc import Callable

from bodies import short_text, small_object
from chat import Chat
from common import count_field, data_dir, error_as_json, serve, setting, unexpected_as_json
from inbox import Mailbox
from page import render
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
LONGEST_WAIT_S = 25.0
LONGEST_NAME, LONGEST_ID, LONGEST_TEXT = 80, 200, 40_000
SHOWN_POSTS = 300


class Intake:
    """HTTP for the mailbox and for the chat."""

    def __init__(self) -> None:
        self._token = setting("INTAKE_TOKEN").encode()
        if not self._token.strip():
            raise SystemExit("INTAKE_TOKEN is empty; anybody could post then")
        folder = data_dir()
        self._mailbox = Mailbox(folder)
        self._chat = Chat(folder)

    async def health(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "events": len(self._mailbox), "posts": len(self._chat)})

    async def hook(self, request: Request) -> JSONResponse:
        """202 when the event is on disk. Its time of arrival is when its head was read."""
        received = time.time_ns()
        self._require_bearer(request)
        source = _name(request.path_params["source"])
        number = await self._mailbox.keep(source, received, await small_object(request))
        return JSONResponse({"id": number}, status_code=202)

    async def events(self, request: Request) -> Response:
        """``now_utc_ns`` is read at the end, so that a reader can tell this clock's offset from a round trip. ``last``:
        the highest number so far; one below the reader's own means that this is another mailbox."""
        self._require_bearer(request)
        after, wait_s = _query(request, "after", int), _query(request, "wait", float)
        found = await self._mailbox.after(after, min(wait_s, LONGEST_WAIT_S))
        tail = b'], "last": %d, "now_utc_ns": %d}' % (self._mailbox.last, time.time_ns())
        return Response(b'{"events": [' + b", ".join(found) + tail, media_type="application/json")

    async def ack(self, request: Request) -> JSONResponse:
        self._require_bearer(request)
        return JSONResponse({"left": await self._mailbox.forget(count_field(await small_object(request), "id"))})

    async def post(self, request: Request) -> PlainTextResponse:
        """What Slack's incoming webhook answers, when the post is on disk."""
        self._require_bearer(request, or_query=True)
        room = _name(request.path_params["room"])
        body = await small_object(request)
        text = short_text(body, "text", LONGEST_TEXT)
        await self._chat.post(room, text, short_text(body, "id", LONGEST_ID) if "id" in body else "")
        return PlainTextResponse("ok")

    async def room(self, request: Request) -> JSONResponse:
        return JSONResponse(self._chat.room(request.path_params["room"]))

    async def show(self, request: Request) -> JSONResponse:
        if post := self._chat.find(request.path_params["room"], request.path_params["id"]):
            return JSONResponse(post)
        raise HTTPException(404, "there is no such post in this room")

    async def page(self, request: Request) -> HTMLResponse:
        rooms = self._chat.latest(SHOWN_POSTS)
        live = request.query_params.get("live") == "1"
        return HTMLResponse(render(rooms, max(0, len(self._chat) - SHOWN_POSTS), live), headers=HEADERS)

    def _require_bearer(self, request: Request, or_query: bool = False) -> None:
        """401 without the token, compared in constant time. Only chat programs cannot send headers."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        presented = given.strip() if scheme.lower() == "bearer" else ""
        if or_query and not presented:
            presented = request.query_params.get("token", "")
        if not hmac.compare_digest(presented.encode(errors="replace"), self._token):
            raise HTTPException(401, "the token is missing or wrong")


def _name(value: str) -> str:
    """A room or a source as the address names it."""
    if not value.strip() or len(value) > LONGEST_NAME or not value.isprintable():
        raise HTTPException(400, f"a name is 1 to {LONGEST_NAME} printable characters")
    return value


def _query(request: Request, name: str, number: Callable[[str], float]) -> float:
    """A number from the address, 0 when it is not there; anything below 0 or not finite is answered with 400."""
    try:
        value = number(request.query_params.get(name, "0"))
        usable = value >= 0 and math.isfinite(value)
    except (ValueError, OverflowError):
        usable = False
    if not usable:
        raise HTTPException(400, f"{name!r} is not a number from 0 up")
    return value


def main() -> None:
    intake = Intake()
    routes = [
        Route("/health", intake.health),
        Route("/hooks/{source}", intake.hook, methods=["POST"]),
        Route("/events", intake.events),
        Route("/ack", intake.ack, methods=["POST"]),
        Route("/chat/hooks/{room}", intake.post, methods=["POST"]),
        Route("/chat/rooms/{room}", intake.room),
        Route("/chat/rooms/{room}/{id:path}", intake.show),
        Route("/chat", intake.page),
    ]
    serve(Starlette(routes=routes, exception_handlers={HTTPException: error_as_json, Exception: unexpected_as_json}))


if __name__ == "__main__":
    main()
