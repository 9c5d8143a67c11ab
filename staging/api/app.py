"""The API of the reference product: sign-in, savings, documents and payments, with health, flags and metrics.

Settings: PORT, HOST, DATA_DIR (shared by the replicas), DATABASE_URL (postgresql://... or sqlite:////path), RELEASE,
WEBHOOK_SECRET; and, each of them optional, CACHE_URL (redis://...), PAYMENTS_URL, LLM_URL, IDENTITY_URL.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

from common import Caller, data_dir, error_as_json, metrics_page, running, serve, setting, unexpected_as_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from api.accounts import Accounts
from api.cache import Cache
from api.canaries import Canaries
from api.dependencies import Dependencies, watch_for_ever
from api.documents import Documents
from api.flags import Flags
from api.front import front_page
from api.health import Health
from api.metrics import WEBHOOK_ROUTE, Counted
from api.payments import Payments
from api.savings import Savings
from api.spool import Spool
from api.store import open_store
from api.upstream import Upstream
from api.webhooks import PaymentWebhooks

VENDORS = {"payments": "PAYMENTS_URL", "llm": "LLM_URL", "identity": "IDENTITY_URL"}


class Api:
    """The parts of the product, wired by the settings."""

    def __init__(self) -> None:
        folder = data_dir()
        self.store = open_store(setting("DATABASE_URL"))
        self.flags = Flags(folder)
        self.spool = Spool(folder, self.store)
        self.cache = Cache(url) if (url := os.environ.get("CACHE_URL")) else None
        urls = {name: os.environ.get(variable, "").rstrip("/") or None for name, variable in VENDORS.items()}
        configured = {"store": True, "cache": self.cache is not None, **{name: bool(url) for name, url in urls.items()}}
        self.dependencies = Dependencies(configured)
        self.caller = Caller()
        vendors = {name: Upstream(name, url, self.caller, self.dependencies) for name, url in urls.items()}
        self.health = Health(setting("RELEASE", "reference-1"), self.store, self.spool, self.flags, self.dependencies)
        self.accounts = Accounts(self.store, folder, self.flags, vendors["identity"])
        self.savings = Savings(self.store, folder, self.flags, self.accounts, vendors["llm"], self.cache)
        self.payments = Payments(self.store, vendors["payments"])

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        watch = watch_for_ever(self.dependencies, self.store, self.cache)
        async with running(self.spool.replay_for_ever(), watch):
            yield
        await self.caller.close()

    def routes(self) -> list[Route]:
        health, accounts, payments = self.health, self.accounts, self.payments
        canaries = Canaries(self.store, self.spool, self.flags)
        documents = Documents(self.store)
        webhooks = PaymentWebhooks(self.store, setting("WEBHOOK_SECRET", "staging-only"))
        return [
            Route("/", front_page),
            Route("/health/live", health.live),
            Route("/health/ready", health.ready),
            Route("/api/health", health.ready),
            Route("/health/status", health.status),
            Route("/metrics", metrics_page),
            Route("/internal/flags", health.flags),
            Route("/internal/flags/{flag}", health.set_flag, methods=["PUT"]),
            Route("/api/accounts", accounts.list),
            Route("/api/sign-in", accounts.sign_in, methods=["POST"]),
            Route("/api/savings", self.savings.show),
            Route("/api/canaries", canaries.list),
            Route("/api/canaries", canaries.add, methods=["POST"]),
            Route("/api/payments", payments.list),
            Route("/api/payments", payments.pay, methods=["POST"]),
            Route(WEBHOOK_ROUTE, webhooks.receive, methods=["POST"]),
            Route("/api/documents", documents.list),
            Route("/api/documents", documents.add, methods=["POST"]),
            Route("/api/documents/{id}/share", documents.share, methods=["POST"]),
        ]


def main() -> None:
    api = Api()
    routes = api.routes()
    serve(
        Starlette(
            routes=routes,
            lifespan=api.lifespan,
            middleware=[Middleware(Counted, routes=routes)],
            exception_handlers={HTTPException: error_as_json, Exception: unexpected_as_json},
        )
    )


if __name__ == "__main__":
    main()
