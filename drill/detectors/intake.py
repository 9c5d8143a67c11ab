"""Reading the stack's intake: its events, its clock, and whether it answers at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drill import clock
from drill.errors import StackError
from drill.model.config import IntakeConfig
from drill.ports import Stack

if TYPE_CHECKING:
    import httpx

_ANSWER_S = 0.6
_ROUND_TRIPS = 5
_BEYOND = 2**53
"""An event number that nothing has: whoever asks for what came after it is told the time and nothing else."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event of the mailbox. ``received_utc_ns``: arrival, by the intake's own clock, ns since 1970."""

    id: int
    source: str
    received_utc_ns: int
    body: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What the mailbox said. ``last``: the highest number that it has given; ``seen_ns``: boot clock."""

    events: Sequence[Delivery]
    last: int
    now_utc_ns: int
    seen_ns: int


@dataclass(frozen=True, slots=True)
class Offset:
    """Boot clock minus the intake's clock, ns, and the ± of it."""

    ns: int
    uncertainty_ns: int


class IntakeLost(Exception):
    """The intake gave no usable answer; the text says why."""


class IntakeReader:
    """One reader of the mailbox, with a client of its own. Call ``aclose`` at the end."""

    def __init__(self, stack: Stack, config: IntakeConfig) -> None:
        self._stack = stack
        self._config = config
        self._address: tuple[str, int] | None = None
        self._client: httpx.AsyncClient | None = None

    async def events(self, after: int, wait_s: float) -> Answer:
        """What came after a number; waits up to ``wait_s`` for it. Raises IntakeLost."""
        content = await self._ask("GET", f"/events?after={after}&wait={wait_s:g}", wait_s + _ANSWER_S)
        seen_ns = clock.now_ns()
        try:
            answer = json.loads(content)
            events = [_delivery(row) for row in answer["events"]]
            return Answer(events, int(answer["last"]), int(answer["now_utc_ns"]), seen_ns)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise IntakeLost("it answers, but not as an intake does") from error

    async def acknowledge(self, number: int) -> None:
        """Let it forget up to a number. Raises IntakeLost."""
        await self._ask("POST", "/ack", _ANSWER_S, {"id": number})

    async def offset(self) -> Offset:
        """Its clock against our boot clock: the quickest of several round trips. Raises IntakeLost.

        Our wall clock has no part in it, so a step of it moves nothing.
        """
        return min([await self._round_trip() for _ in range(_ROUND_TRIPS)], key=lambda found: found.uncertainty_ns)

    async def _round_trip(self) -> Offset:
        asked_ns = clock.now_ns()
        answer = await self.events(_BEYOND, 0)
        half_ns = (answer.seen_ns - asked_ns) // 2
        return Offset(asked_ns + half_ns - answer.now_utc_ns, half_ns + 1)

    async def _ask(self, method: str, path: str, deadline_s: float, body: Any = None) -> bytes:
        import httpx

        try:
            async with asyncio.timeout(deadline_s):
                host, port = await self._where()
                answer = await self._http().request(
                    method, f"http://{host}:{port}{path}", json=body, timeout=deadline_s
                )
        except (TimeoutError, httpx.TimeoutException) as error:
            raise IntakeLost(f"no answer within {deadline_s:g} s") from error
        except (httpx.HTTPError, StackError) as error:
            self._address = None
            raise IntakeLost(str(error) or type(error).__name__) from error
        if not answer.is_success:
            raise IntakeLost(f"{method} {path.partition('?')[0]} answered HTTP {answer.status_code}")
        return answer.content

    async def _where(self) -> tuple[str, int]:
        """Kept until an exchange fails: a recreated service may have another port."""
        if self._address is None:
            self._address = await asyncio.to_thread(self._stack.address, self._config.service, "http")
        return self._address

    def _http(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                trust_env=False,
                headers={"Authorization": f"Bearer {self._config.token}"},
                verify=False,  # noqa: S501 - only plain HTTP on loopback; loading certificates takes 20 ms
            )
        return self._client

    async def aclose(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.aclose()


def _delivery(row: Any) -> Delivery:
    """Raises KeyError, TypeError, ValueError or OverflowError for what is no event."""
    return Delivery(int(row["id"]), str(row["source"]), int(row["received_utc_ns"]), row["body"])
