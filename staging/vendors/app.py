"""The vendors that the reference product depends on, simulated: payments, a language model, an identity provider.

Settings: PORT, HOST, DATA_DIR, WEBHOOK_URL (where payment events go), WEBHOOK_SECRET.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from common import Caller, count_field, data_dir, error_as_json, json_object, serve, setting, text_field
from outbox import Outbox, Target
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

THINKING_S = 0.03


class Payments:
    """Charges; each yields one event in the outbox, on disk together with it."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def charge(self, request: Request) -> JSONResponse:
        """201 for a new charge. The same id again is the same charge: 200, and the first amount stands."""
        body = await json_object(request)
        charge, amount_cents = text_field(body, "id"), count_field(body, "amount_cents")
        new = await self._outbox.add(charge, amount_cents)
        return JSONResponse({"id": charge, "status": "accepted"}, status_code=201 if new else 200)

    async def events(self, _request: Request) -> JSONResponse:
        """The newest 5000 events, oldest first, and every older one that is not delivered."""
        return JSONResponse(self._outbox.events())

    async def health(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "undelivered": self._outbox.undelivered()})


async def complete(request: Request) -> JSONResponse:
    """A sentence about the prompt; always the same for the same prompt."""
    prompt = text_field(await json_object(request), "prompt")
    await asyncio.sleep(THINKING_S)
    return JSONResponse({"text": f"In short: {prompt.rpartition(':')[2].strip()}"})


async def verify(request: Request) -> JSONResponse:
    """Vouches for every address that has the form of one."""
    email = text_field(await json_object(request), "email")
    name, at, domain = email.partition("@")
    return JSONResponse({"email": email, "verified": bool(name and at and domain)})


async def health(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def main() -> None:
    caller = Caller()
    target = Target(setting("WEBHOOK_URL"), setting("WEBHOOK_SECRET", "staging-only"), caller)
    outbox = Outbox(data_dir() / "outbox.jsonl", target)
    payments = Payments(outbox)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        outbox.start()
        try:
            yield
        finally:
            await outbox.stop()
            await caller.close()

    routes = [
        Route("/payments/charges", payments.charge, methods=["POST"]),
        Route("/payments/events", payments.events),
        Route("/payments/health", payments.health),
        Route("/llm/completions", complete, methods=["POST"]),
        Route("/identity/verify", verify, methods=["POST"]),
        Route("/health", health),
    ]
    serve(Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: error_as_json}))


if __name__ == "__main__":
    main()
