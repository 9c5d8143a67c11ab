"""Synthetic customers of the reference product: a steady, seeded mix, and a ledger of what was acknowledged to them.

Settings: PORT, HOST, DATA_DIR, TARGET_URL, SEED (default 7), RATE (actions a second, default 4).
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from common import Caller, data_dir, error_as_json, metrics_page, running, serve, setting
from customers import Customers
from ledger import Ledger
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def health(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def rate() -> float:
    try:
        value = float(setting("RATE", "4"))
    except ValueError as error:
        raise SystemExit("RATE is not a number; give customer actions a second, such as 4") from error
    if not 0 < value <= 100:
        raise SystemExit("RATE is out of range; give customer actions a second, above 0 and at most 100")
    return value


def main() -> None:
    folder = data_dir()
    canaries, payments = Ledger(folder / "canaries.jsonl"), Ledger(folder / "payments.jsonl")
    caller = Caller()
    customers = Customers(setting("TARGET_URL"), int(setting("SEED", "7")), rate(), caller, canaries, payments)

    async def list_canaries(_request: Request) -> JSONResponse:
        return JSONResponse(canaries.ids())

    async def list_payments(_request: Request) -> JSONResponse:
        return JSONResponse(payments.ids())

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with running(customers.act_for_ever()):
            yield
        await caller.close()

    routes = [
        Route("/health", health),
        Route("/metrics", metrics_page),
        Route("/ledger/canaries", list_canaries),
        Route("/ledger/payments", list_payments),
    ]
    serve(Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: error_as_json}))


if __name__ == "__main__":
    main()
