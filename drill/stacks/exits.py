"""When a container's first process exited, from the best source that this machine offers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from drill.clock import boot_ns_of_wall, now_ns
from drill.errors import ActionFailed
from drill.model.lease import Moment
from drill.stacks.containers import finished_s, visible_pid
from drill.stacks.engine import endpoint, is_local_socket
from drill.stacks.moments import ExitWatch, bracket, hold

if TYPE_CHECKING:
    from docker.models.containers import Container

_SETTLE_S = 5.0
_LOOK_S = 0.02


def observe(container: Container, act: Callable[[], object]) -> Moment:
    """Do what ends a running container and return when it ended. Raises ActionFailed when it does not.

    A pidfd sees the exit within a millisecond or two, the engine's FinishedAt comes 1 to 5 ms after it, and the call
    itself returns tens of milliseconds later: the first of the three that can be had.
    """
    pidfd = _hold(container)
    began = now_ns()
    try:
        with ThreadPoolExecutor(1) as pool:
            seen = _watched(pool.submit(act), ExitWatch(pidfd) if pidfd is not None else None)
    finally:
        if pidfd is not None:
            os.close(pidfd)
    # The engine may learn of the exit after us: until it has, a start would do nothing.
    _wait_stopped(container)
    return seen or _finished(container, began)


def _hold(container: Container) -> int | None:
    pid = visible_pid(container.attrs)
    pidfd = hold(pid) if pid is not None else None
    if pidfd is not None and visible_pid(container.attrs) is None:
        os.close(pidfd)
        return None
    return pidfd


def _watched(call: Future[object], watch: ExitWatch | None) -> Moment | None:
    """Let the call finish, whatever the watch sees: its error matters more."""
    seen = None
    while watch is not None and seen is None and not call.done():
        seen = watch.wait(_LOOK_S)
    call.result()
    return seen or (watch.wait(_SETTLE_S) if watch is not None else None)


def _wait_stopped(container: Container) -> None:
    deadline = time.monotonic() + _SETTLE_S
    first_pid = container.attrs["State"]["Pid"]
    container.reload()
    while container.attrs["State"]["Running"] and container.attrs["State"]["Pid"] == first_pid:
        if time.monotonic() > deadline:
            raise ActionFailed(f"{container.name} did not exit within {_SETTLE_S:g} s of the signal")
        time.sleep(_LOOK_S)  # without a pidfd nothing tells of an exit
        container.reload()


def _finished(container: Container, began: int) -> Moment:
    """Before FinishedAt, which is late by a load that nobody knows, where the engine's clock is ours; else the call."""
    ended = now_ns()
    if is_local_socket(endpoint()):
        at_ns, error_ns = boot_ns_of_wall(finished_s(container.attrs))
        if began <= at_ns <= ended:
            return bracket(began, at_ns + error_ns, "FinishedAt")
    return bracket(began, ended, "call")
