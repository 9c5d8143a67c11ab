"""What the API counts, and the layer around it that counts every answer."""

from __future__ import annotations

import time
from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUESTS = Counter("http_requests_total", "Answers by route and status.", ["method", "route", "status"])
SECONDS = Histogram("http_request_seconds", "Time to answer.", ["method", "route"])
WEBHOOKS = Counter("webhook_requests_total", "Webhooks of the payment provider.", ["result"])
UPSTREAM = Counter("upstream_responses_total", "What other services answered us.", ["upstream", "status"])
UP = Gauge("dependency_up", "1 when the dependency answered last time, else 0.", ["dependency"])
WAITING = Gauge("jobs_waiting", "Jobs that wait for a worker; NaN while the store cannot tell.")

WEBHOOK_ROUTE = "/api/webhooks/payments"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

for _result in ("ok", "bad_signature", "error"):
    WEBHOOKS.labels(_result)  # a rate needs to see the zero before the first one


class Counted:
    """Around the routes: counts every answer, and what ends in no answer as 500, whatever the release does."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            count(scope["method"], self._route(scope), status, time.monotonic() - began)

    def _route(self, scope: Scope) -> str:
        """The route's pattern: a label must not grow with what people type."""
        for route in self._routes:
            if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
                return route.path
        return "other"


def count(method: str, route: str, status: int, seconds: float) -> None:
    method = method if method in _METHODS else "other"
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)
    if route == WEBHOOK_ROUTE and method == "POST":
        WEBHOOKS.labels({200: "ok", 400: "bad_signature"}.get(status, "error")).inc()
