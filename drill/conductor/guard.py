"""The guard: holds a pipe to the conductor; when it ends without the closing word, everything is undone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from drill.conductor.assemble import stack_of
from drill.conductor.order import read_order
from drill.conductor.takeover import take_over_drill
from drill.errors import StackError
from drill.journal.lock import FileLock, is_held
from drill.store import DrillFolder

CLOSING_WORD = b"closed\n"
_READY_S = 10.0


class GuardLink:
    """The conductor's side: starts the guard, and says the closing word."""

    def __init__(self, folder: DrillFolder, keep: FileLock) -> None:
        self._folder = folder
        self._keep = keep
        self._pipe = -1
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        """Start it and wait until it holds its lock; its pid. It inherits the lock on the stack. Raises StackError."""
        read_end, self._pipe = os.pipe()
        with self._folder.guard_log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "drill", "_guard", str(self._folder.path)],
                stdin=read_end,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[self._keep.fd],
                cwd=Path("/"),
            )
        os.close(read_end)
        until = time.monotonic() + _READY_S
        while not is_held(self._folder.guard_lock):
            if self._process.poll() is not None or time.monotonic() > until:
                raise StackError(f"the guard did not start, so nothing was injected; see {self._folder.guard_log}")
            time.sleep(0.02)  # waiting for another process to take a lock: there is nothing to be told by
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def farewell(self) -> None:
        """Everything is undone and written: let the guard go."""
        if self._process is None:
            return
        with contextlib.suppress(BrokenPipeError):  # it has died; there is nothing left to guard
            os.write(self._pipe, CLOSING_WORD)
        os.close(self._pipe)
        self._process.wait(timeout=_READY_S)


def guard(folder: DrillFolder, finish: Callable[[DrillFolder], None]) -> None:
    """The guard's whole life. ``finish`` writes the results of a drill that it had to end."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    lock = FileLock(folder.guard_lock)
    lock.take(wait=True)
    stack_of(read_order(folder))
    if _heard_closing_word():
        return
    journal_lock = FileLock(folder.journal_lock)
    journal_lock.take(wait=True)
    asyncio.run(take_over_drill(folder, "guard"))
    finish(folder)


def _heard_closing_word() -> bool:
    heard = b""
    while block := os.read(sys.stdin.fileno(), 64):
        heard += block
    return heard.endswith(CLOSING_WORD)
