"""The customers at work: actions at a steady pace, a bounded number of them at once."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

from actions import Action, actions
from common import Caller, CallFailed, end_service_with
from ledger import Ledger
from prometheus_client import Counter

AT_ONCE = 16
PATIENCE_S = 3.0
"""How long a customer waits for an answer. Four actions a second then never need more than AT_ONCE."""

ACTIONS = Counter("customer_actions_total", "What customers did and how it went.", ["action", "result"])


class Customers:
    """Every id is attempted once: what was not acknowledged is never asked for again."""

    def __init__(
        self, url: str, seed: int, per_second: float, caller: Caller, canaries: Ledger, payments: Ledger
    ) -> None:
        self._url = url.rstrip("/")
        self._actions = actions(seed)
        self._pause_s = 1 / per_second
        self._caller = caller
        self._canaries = canaries
        self._payments = payments
        self._run = secrets.token_hex(4)  # ids of another run, with the same seed, are other ids
        self._number = 0
        self._acting: set[asyncio.Task[None]] = set()

    async def act_for_ever(self) -> None:
        """A steady pace by the clock: a slow product does not slow its customers down."""
        due = time.monotonic()
        while True:
            self._begin(next(self._actions))
            due = max(due + self._pause_s, time.monotonic() - 1)  # after a long stop, no rush
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _begin(self, action: Action) -> None:
        self._number += 1
        if len(self._acting) >= AT_ONCE:
            ACTIONS.labels(action.kind, "skipped").inc()
            return
        task = asyncio.create_task(self._act(action, f"{self._run}-{self._number}"))
        self._acting.add(task)
        task.add_done_callback(self._acting.discard)
        task.add_done_callback(end_service_with)

    async def _act(self, action: Action, token: str) -> None:
        """Counts the result: ``ok``, ``error`` (an answer that says no) or ``failed`` (no answer)."""
        try:
            ok = await self._do(action, token)
        except CallFailed:
            ACTIONS.labels(action.kind, "failed").inc()
        else:
            ACTIONS.labels(action.kind, "ok" if ok else "error").inc()

    async def _do(self, action: Action, token: str) -> bool:
        match action.kind:
            case "sign-in":
                return await self._post("/api/sign-in", {"email": action.email})
            case "payment":
                paid = await self._post("/api/payments", {"id": token, "amount_cents": action.amount_cents})
                return await self._noted(paid, self._payments, token)
            case "canary":
                return await self._noted(await self._post("/api/canaries", {"id": token}), self._canaries, token)
            case "document":
                return await self._upload(action, token)
            case kind:
                return await self._call("GET", f"/api/{kind}")

    async def _upload(self, action: Action, token: str) -> bool:
        document = {"id": token, "name": action.text, "content": f"{action.text} for {action.email}"}
        stored = await self._post("/api/documents", document)
        return stored and await self._post(f"/api/documents/{token}/share", {"email": action.friend})

    async def _noted(self, acknowledged: bool, ledger: Ledger, token: str) -> bool:
        if acknowledged:
            await ledger.add(token)
        return acknowledged

    async def _post(self, path: str, body: dict[str, Any]) -> bool:
        return await self._call("POST", path, json=body)

    async def _call(self, method: str, path: str, **content: Any) -> bool:
        answer = await self._caller.call(method, self._url + path, PATIENCE_S, **content)
        return answer.is_success
