"""HTTP on one connection: requests are matched against the HTTP toxics, answers keep the order of their requests.

It sits next to the upstream: behind the toxics of the upstream stream, before those of the downstream one, so that an
answer made here passes latency and the rest as a real one would. What is no HTTP/1 passes through untouched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import h11

from drill.proxy.stage import Stage
from drill.proxy.toxics.http import HttpToxic, Spoil


@dataclass
class Pending:
    """A request whose answer is due: ``made`` here, or awaited from the upstream and then perhaps spoiled."""

    request: h11.Request
    made: bytes | None = None
    close: bool = False
    """Close the connection after the made answer."""
    spoil: Spoil | None = None


@dataclass
class Exchange:
    """What the work on requests and the work on responses share. ``up`` and ``down`` are their stages."""

    toxics: Callable[[], Sequence[HttpToxic]]
    """The HTTP toxics that this connection has now."""
    fresh: bool
    """Nothing has passed on this connection yet."""
    at_rest: bool
    """The upstream spoke last, or nobody: what the client sends now begins a request, unless it pipelines."""
    raw: bool = False
    """No HTTP, or no more: everything passes."""
    pending: deque[Pending] = field(default_factory=deque)
    up: Stage = field(init=False)
    down: Stage = field(init=False)

    def changed(self) -> None:
        """Other toxics now: a request that waits looks again."""
        self.up.poke()

    def expect(self, pending: Pending) -> None:
        """One more answer is due."""
        self.pending.append(pending)
        self.down.poke()

    def answered(self) -> Pending:
        """The oldest one is given."""
        self.up.poke()
        return self.pending.popleft()

    def give_up(self) -> None:
        """Let everything pass from here on."""
        self.raw = True
        self.pending.clear()
        self.up.poke()
