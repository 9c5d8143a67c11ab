"""Webhook events: kept on disk before a charge is answered, and sent until the receiver has confirmed each."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import Caller, CallFailed, JsonLines, end_service_with, webhook_signature

KIND = "payment.succeeded"
DELAYS_S = (0.5, 1.0)
STEADY_DELAY_S = 2.0
POST_S = 2.0
"""How long the receiver may take for one event."""
AT_ONCE = 4
FAILING_PACE_S = 0.2
"""While the receiver fails, each of the four senders waits this long between events: 20 a second at most."""
LISTED = 5000


@dataclass
class Event:
    """One event of one charge."""

    charge: str
    amount_cents: int
    attempts: int = 0
    delivered: bool = False

    @property
    def id(self) -> str:
        return f"evt-{self.charge}"

    def body(self) -> bytes:
        data = {"id": self.charge, "amount_cents": self.amount_cents}
        return json.dumps({"id": self.id, "type": KIND, "data": data}).encode()


class Target:
    """The receiver of the webhooks."""

    def __init__(self, url: str, secret: str, caller: Caller) -> None:
        self._url = url
        self._secret = secret
        self._caller = caller

    async def confirmed(self, event: Event) -> bool:
        """Send once; True on 2xx."""
        body = event.body()
        signature = webhook_signature(self._secret, int(time.time()), body)
        headers = {"Content-Type": "application/json", "X-Signature": signature}
        try:
            answer = await self._caller.call("POST", self._url, POST_S, content=body, headers=headers)
        except CallFailed:
            return False
        return answer.is_success


class Outbox:
    """At least once for every event, also over kills: an event whose confirmation was lost is sent again."""

    def __init__(self, path: Path, target: Target) -> None:
        self._file = JsonLines(path)
        self._target = target
        self._events: dict[str, Event] = {}
        self._writing = asyncio.Lock()
        self._senders = asyncio.Semaphore(AT_ONCE)
        self._failing = False
        self._sending: set[asyncio.Task[None]] = set()
        self._load()

    def _load(self) -> None:
        for record in self._file.read():
            if "delivered" in record:
                event = self._events[record["delivered"]]
                event.delivered, event.attempts = True, record["attempts"]
            else:
                self._events[record["charge"]] = Event(record["charge"], record["amount_cents"])

    def start(self) -> None:
        """Send what a former process left."""
        for event in self._events.values():
            if not event.delivered:
                self._send(event)

    async def stop(self) -> None:
        for task in self._sending:
            task.cancel()
        if self._sending:
            await asyncio.wait(self._sending)

    async def add(self, charge: str, amount_cents: int) -> bool:
        """Returns when charge and event are on disk; False when they were already."""
        async with self._writing:
            if charge in self._events:
                return False
            await asyncio.to_thread(self._file.append, {"charge": charge, "amount_cents": amount_cents})
            event = self._events[charge] = Event(charge, amount_cents)
        self._send(event)
        return True

    def _send(self, event: Event) -> None:
        task = asyncio.create_task(self._deliver(event))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        task.add_done_callback(end_service_with)

    async def _deliver(self, event: Event) -> None:
        delays = _delays()
        while not await self._attempt(event):
            await asyncio.sleep(next(delays))
        async with self._writing:
            record = {"delivered": event.charge, "attempts": event.attempts}
            await asyncio.to_thread(self._file.append, record)
            event.delivered = True

    async def _attempt(self, event: Event) -> bool:
        async with self._senders:
            event.attempts += 1
            confirmed = await self._target.confirmed(event)
            self._failing = not confirmed
            if self._failing:
                await asyncio.sleep(FAILING_PACE_S)
            return confirmed

    def events(self) -> list[dict[str, Any]]:
        oldest_listed = len(self._events) - LISTED
        return [
            {"id": event.charge, "event": event.id, "attempts": event.attempts, "delivered": event.delivered}
            for place, event in enumerate(self._events.values())
            if place >= oldest_listed or not event.delivered
        ]

    def undelivered(self) -> int:
        return sum(not event.delivered for event in self._events.values())


def _delays() -> Iterator[float]:
    yield from DELAYS_S
    while True:
        yield STEADY_DELAY_S
