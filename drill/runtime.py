"""The runtime of a real drill: asyncio for waiting, the boot clock for time, threads for blocking calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from drill import clock
from drill.ports import Gate, Task

T = TypeVar("T")

_LONGEST_NAP_S = 1.0
"""asyncio's clock stands still in suspend, ours does not: so look at ours at least this often."""


class AsyncGate:
    """A latch on an asyncio event."""

    def __init__(self, runtime: AsyncRuntime) -> None:
        self._event = asyncio.Event()
        self._runtime = runtime

    def open(self) -> None:
        """Let everybody through, for good."""
        self._event.set()

    @property
    def is_open(self) -> bool:
        """Whether it was opened."""
        return self._event.is_set()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """True when it opened, False when the time-out (seconds of the boot clock) came first."""
        end_ns = None if timeout_s is None else self._runtime.now_ns() + int(timeout_s * 1e9)
        while not self._event.is_set():
            left_s = _LONGEST_NAP_S if end_ns is None else (end_ns - self._runtime.now_ns()) / 1e9
            if left_s <= 0:
                return False
            try:
                await asyncio.wait_for(self._event.wait(), min(left_s, _LONGEST_NAP_S))
            except TimeoutError:
                continue
        return True


class AsyncTask:
    """A task on the event loop."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task

    def cancel(self) -> None:
        """Stop it at its next wait."""
        self._task.cancel()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._task.done()


class AsyncRuntime:
    """See ``drill.ports.Runtime``. Make it inside a running loop."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="drill")
        self._failures: list[BaseException] = []
        self._failed = AsyncGate(self)
        self._tasks: set[asyncio.Task[None]] = set()

    def now_ns(self) -> int:
        """Boot clock, ns."""
        return clock.now_ns()

    def utc(self) -> datetime:
        """Wall clock, for display."""
        return clock.utc()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the boot clock: a suspend counts."""
        end_ns = clock.now_ns() + int(seconds * 1e9)
        await asyncio.sleep(0)
        while (left_ns := end_ns - clock.now_ns()) > 0:
            await asyncio.sleep(min(left_ns / 1e9, _LONGEST_NAP_S))

    def gate(self) -> Gate:
        """A new latch."""
        return AsyncGate(self)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> Task:
        """Run beside; an exception is kept in ``failures`` and opens ``failed``."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return AsyncTask(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Report that something beside has failed."""
        self._failures.append(error)
        self._failed.open()

    async def call(self, work: Callable[[], T]) -> T:
        """Run a blocking function in a thread and wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    @property
    def failed(self) -> Gate:
        """Opened by the first failure."""
        return self._failed

    @property
    def failures(self) -> Sequence[BaseException]:
        """What failed beside, in order."""
        return self._failures

    def close(self) -> None:
        """Let the threads go; one that hangs in a call is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
