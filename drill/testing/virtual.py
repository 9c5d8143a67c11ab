"""A runtime on virtual time: no threads, no waiting, the same order every time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from drill.ports import Gate, Task

T = TypeVar("T")

EPOCH = datetime(2026, 1, 7, 10, 0, tzinfo=UTC)


class Deadlock(RuntimeError):
    """Everything waits for something that nobody will do."""


class _Park:
    """What a coroutine yields: wake me at ``until_ns``, or when the gate opens."""

    __slots__ = ("gate", "until_ns")

    def __init__(self, until_ns: int | None, gate: VirtualGate | None = None) -> None:
        self.until_ns = until_ns
        self.gate = gate

    def __await__(self) -> Generator[_Park, None, None]:
        yield self


class VirtualTask:
    """A coroutine on the virtual runtime."""

    __slots__ = ("coroutine", "done", "gate", "name", "result", "ticket")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], name: str) -> None:
        self.coroutine = coroutine
        self.name = name
        self.done = False
        self.result: Any = None
        self.ticket = 0
        self.gate: VirtualGate | None = None

    def cancel(self) -> None:
        """Stop it where it waits."""
        if not self.done:
            self.done = True
            self.ticket += 1
            if self.gate is not None:
                self.gate.waiting.remove(self)
            self.coroutine.close()


class VirtualGate:
    """A latch on the virtual runtime."""

    __slots__ = ("_runtime", "is_open", "waiting")

    def __init__(self, runtime: VirtualRuntime) -> None:
        self._runtime = runtime
        self.is_open = False
        self.waiting: list[VirtualTask] = []

    def open(self) -> None:
        """Let everybody through, for good."""
        self.is_open = True
        for task in list(self.waiting):
            self._runtime.wake(task)

    async def wait(self, timeout_s: float | None = None) -> bool:
        """True when it opened, False when the time-out came first."""
        if not self.is_open:
            until = None if timeout_s is None else self._runtime.now_ns() + int(timeout_s * 1e9)
            await _Park(until, self)
        return self.is_open


class VirtualRuntime:
    """See ``drill.ports.Runtime``. ``call_cost_s``: how long every blocking call takes."""

    def __init__(self, call_cost_s: float = 0.01) -> None:
        self._now_ns = 1_000_000_000_000
        self._start_ns = self._now_ns
        self._cost_s = call_cost_s
        self._timers: list[tuple[int, int, VirtualTask, int]] = []
        self._ready: deque[VirtualTask] = deque()
        self._count = 0
        self._failures: list[BaseException] = []
        self._failed = VirtualGate(self)

    def now_ns(self) -> int:
        """Virtual boot clock, ns."""
        return self._now_ns

    def utc(self) -> datetime:
        """Virtual wall clock."""
        return EPOCH + timedelta(microseconds=(self._now_ns - self._start_ns) / 1000)

    async def sleep(self, seconds: float) -> None:
        """Wait on the virtual clock."""
        await _Park(self._now_ns + int(seconds * 1e9))

    def gate(self) -> Gate:
        """A new latch."""
        return VirtualGate(self)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> Task:
        """Run beside."""
        task = VirtualTask(work, name)
        self._ready.append(task)
        return task

    async def call(self, work: Callable[[], T]) -> T:
        """Run it now; it costs ``call_cost_s`` of virtual time."""
        result = work()
        await self.sleep(self._cost_s)
        return result

    @property
    def failed(self) -> Gate:
        """Opened by the first failure."""
        return self._failed

    @property
    def failures(self) -> Sequence[BaseException]:
        """What failed beside, in order."""
        return self._failures

    def fail(self, error: BaseException) -> None:
        """Report that something beside has failed."""
        self._failures.append(error)
        self._failed.open()

    def wake(self, task: VirtualTask) -> None:
        """Make a parked task ready."""
        task.ticket += 1
        if task.gate is not None:
            task.gate.waiting.remove(task)
            task.gate = None
        self._ready.append(task)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run until ``work`` ends; what still runs beside is cancelled. Raises Deadlock, or what ``work`` raised."""
        main = VirtualTask(work, "main")
        self._ready.append(main)
        try:
            while not main.done:
                self._step(main)
        finally:
            self._abandon(main)
        result: T = main.result
        return result

    def _abandon(self, main: VirtualTask) -> None:
        """Cancel whatever still waits, as the death of a process does."""
        for task in (main, *self._ready, *(timer[2] for timer in self._timers)):
            task.cancel()
        self._ready.clear()
        self._timers.clear()

    def _step(self, main: VirtualTask) -> None:
        if not self._ready:
            self._next_timer()
            return
        task = self._ready.popleft()
        if task.done:
            return
        try:
            park: _Park = task.coroutine.send(None)
        except StopIteration as end:
            task.done, task.result = True, end.value
        except Exception as error:
            task.done = True
            if task is main:
                raise
            self.fail(error)
        else:
            self._park(task, park)

    def _park(self, task: VirtualTask, park: _Park) -> None:
        if park.gate is not None:
            task.gate = park.gate
            park.gate.waiting.append(task)
        if park.until_ns is not None:
            self._count += 1
            heapq.heappush(self._timers, (park.until_ns, self._count, task, task.ticket))

    def _next_timer(self) -> None:
        while self._timers:
            until_ns, _, task, ticket = heapq.heappop(self._timers)
            if task.done or task.ticket != ticket:
                continue
            self._now_ns = max(self._now_ns, until_ns)
            self.wake(task)
            return
        raise Deadlock("nothing is ready and no timer is set")
