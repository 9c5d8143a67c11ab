"""Time, and things that run beside each other."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Time. ``now_ns`` is monotonic and counts suspend; ``utc`` is for display only."""

    def now_ns(self) -> int: ...
    def utc(self) -> datetime: ...
    async def sleep(self, seconds: float) -> None: ...


class Gate(Protocol):
    """A latch: opened once, awaited by many."""

    def open(self) -> None: ...
    @property
    def is_open(self) -> bool: ...
    async def wait(self, timeout_s: float | None = None) -> bool:
        """True when the gate opened, False when the time-out (seconds) came first."""
        ...


class Task(Protocol):
    """Something that runs beside."""

    def cancel(self) -> None: ...
    @property
    def done(self) -> bool: ...


class Runtime(Clock, Protocol):
    """A clock that can also run things beside each other: asyncio in a drill, virtual in tests."""

    def gate(self) -> Gate: ...
    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> Task:
        """Run beside. An exception in it is kept in ``failures`` and opens ``failed``."""
        ...

    async def call(self, work: Callable[[], T]) -> T:
        """Run a blocking function off the loop and wait for it. It cannot be cancelled half-way."""
        ...

    @property
    def failed(self) -> Gate: ...
    @property
    def failures(self) -> Sequence[BaseException]: ...
