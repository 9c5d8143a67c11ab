"""One toxic at work on one direction of one connection: a bounded queue, and a task that moves it on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, NamedTuple

_OVERHEAD = 64
"""Bytes that a chunk counts besides its data, so that many tiny chunks fill a queue too."""


class End(Enum):
    """How a stream ends: half-closed by its source, the connection closed, or reset."""

    EOF = "eof"
    CLOSE = "close"
    RESET = "reset"


class Chunk(NamedTuple):
    """Some bytes and when they arrived (seconds of the loop's clock), or the end of the stream."""

    data: bytes
    arrived: float
    end: End | None = None


def _nobody() -> None:
    """The producer of an inlet that has none yet."""


class Inlet:
    """What takes chunks. It takes one even when it is full; a producer then waits until ``producer`` is called."""

    def __init__(self) -> None:
        self.full = False
        self.producer: Callable[[], None] = _nobody

    def push(self, chunk: Chunk) -> None:
        """Take a chunk, at once."""
        raise NotImplementedError

    def set_full(self, full: bool) -> None:
        """Tell the producer when there is room again."""
        was, self.full = self.full, full
        if was and not full:
            self.producer()


class Stage(Inlet):
    """A queue and the work on it. The work ends when the stream does, or soon after an interrupt, and keeps no data."""

    def __init__(self, work: Callable[[Stage], Coroutine[Any, Any, None]], limit: int) -> None:
        super().__init__()
        self.out = Inlet()
        self.passed = 0
        """Bytes that the work let through; survives an update."""
        self.interrupted = False
        self._work = work
        self._limit = limit
        self._queue: deque[Chunk] = deque()
        self._size = 0
        self._dropping = False
        self._waiter: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Begin, or go on after an interrupt."""
        self.interrupted = False
        self._task = asyncio.get_running_loop().create_task(self._work(self))
        return self._task

    def cancel(self) -> None:
        """The connection is gone: drop everything, now and from now on. Whoever waits goes on."""
        if self._task is not None:
            self._task.cancel()
        self._dropping = True
        self._queue.clear()
        self.set_full(False)
        self.wake()

    def push(self, chunk: Chunk) -> None:
        """Queue it."""
        if self._dropping:
            return
        self._queue.append(chunk)
        self._size += len(chunk.data) + _OVERHEAD
        self.full = self._size > self._limit
        self.wake()

    def pop(self) -> Chunk | None:
        """The next chunk, or None when there is none."""
        if not self._queue:
            return None
        chunk = self._queue.popleft()
        self._size -= len(chunk.data) + _OVERHEAD
        self.set_full(self._size > self._limit)
        return chunk

    async def receive(self) -> Chunk | None:
        """The next chunk; None when interrupted."""
        while not self.interrupted:
            chunk = self.pop()
            if chunk is not None:
                return chunk
            await self._wait(None)
        return None

    async def send(self, chunk: Chunk) -> None:
        """Pass a chunk on and wait for room behind it; an interrupt ends the wait."""
        self.out.push(chunk)
        while self.out.full and not self.interrupted:
            await self._wait(None)

    async def pause(self, seconds: float) -> bool:
        """True after the time, False when interrupted."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self.interrupted:
            left = until - loop.time()
            if left <= 0:
                return True
            await self._wait(left)
        return False

    async def poked(self) -> None:
        """Wait for a poke, and take it."""
        while not self.interrupted:
            await self._wait(None)
        self.interrupted = False

    async def interrupt(self) -> None:
        """Ask the work to pass on what it holds, and wait until it has ended."""
        self.poke()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def hand_over(self) -> None:
        """Pass on the whole queue, after an interrupt; waits while what follows is full."""
        self.interrupted = False
        while (chunk := self.pop()) is not None:
            await self.send(chunk)

    def poke(self) -> None:
        """Interrupt, and do not wait."""
        self.interrupted = True
        self.wake()

    def wake(self) -> None:
        """End a wait, if there is one: something changed."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, seconds: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, self.wake)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
