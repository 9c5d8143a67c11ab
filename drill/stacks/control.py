"""Signals to one process of the process stack, each with the instant at which it took effect."""

from __future__ import annotations

import os
import signal as signals
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from drill.clock import now_ns
from drill.errors import ActionFailed
from drill.model.lease import Moment
from drill.ports import ExecResult
from drill.stacks import procfs
from drill.stacks.moments import ExitWatch, bracket
from drill.stacks.procfs import Proc
from drill.stacks.spawn import reap

_SETTLE_S = 5.0
_LOOK_S = 0.0005


def stop(leader: Proc, grace_s: float) -> Moment:
    """SIGTERM, ``grace_s`` seconds, SIGKILL. It stops answering somewhere between the signal and the exit."""
    began = now_ns()
    with _watched(leader) as watch:
        _signal(leader, signals.SIGTERM)
        _signal(leader, signals.SIGCONT)
        if watch.wait(grace_s) is None:
            _signal(leader, signals.SIGKILL)
            _exit(leader, watch)
        _signal(leader, signals.SIGKILL)
        return bracket(began, now_ns(), "pidfd")


def kill(leader: Proc, number: signals.Signals) -> Moment:
    """Send a signal that ends it, and see it end. SIGKILL takes its children too, as in a container."""
    with _watched(leader) as watch:
        if number is signals.SIGKILL:
            _signal(leader, number)
        else:
            os.kill(leader.pid, number)
        return _exit(leader, watch)


def toggle(leader: Proc, number: signals.Signals, *, paused: bool) -> Moment:
    """SIGSTOP or SIGCONT, and wait until the process is seen so."""
    deadline, began = time.monotonic() + _SETTLE_S, now_ns()
    _signal(leader, number)
    while (now := procfs.read(leader.pid)) is not None and now.start == leader.start and now.alive:
        if now.paused is paused:
            return bracket(began, now_ns(), "/proc state")
        if time.monotonic() > deadline:
            break
        time.sleep(_LOOK_S)  # nothing tells of a change in /proc
    raise ActionFailed(f"pid {leader.pid} did not take {number.name} within {_SETTLE_S:g} s")


def end(proc: Proc) -> None:
    """SIGKILL to this one process, if it still lives."""
    pidfd = procfs.hold_exactly(proc)
    if pidfd is None:
        return
    try:
        watch = ExitWatch(pidfd)
        signals.pidfd_send_signal(pidfd, signals.SIGKILL)
        _exit(proc, watch)
    finally:
        os.close(pidfd)


@contextmanager
def _watched(leader: Proc) -> Iterator[ExitWatch]:
    """The process held by pidfd, so that no other can take its place."""
    pidfd = procfs.hold_exactly(leader)
    if pidfd is None:
        raise ActionFailed(f"pid {leader.pid} has gone by itself; look at its log")
    try:
        yield ExitWatch(pidfd)
    finally:
        os.close(pidfd)
        reap()


def _exit(proc: Proc, watch: ExitWatch) -> Moment:
    seen = watch.wait(_SETTLE_S)
    if seen is None:
        raise ActionFailed(f"pid {proc.pid} did not exit within {_SETTLE_S:g} s of the signal")
    return seen


def _signal(leader: Proc, number: signals.Signals) -> None:
    """To the whole process group; it may have gone meanwhile."""
    try:
        os.killpg(leader.group, number)
    except ProcessLookupError:
        return


def run(service: str, argv: Sequence[str], folder: Path, env: Mapping[str, str], timeout_s: float) -> ExecResult:
    """Run a command to its end. Raises ActionFailed when it cannot run or does not end in time; it is killed then."""
    try:
        done = subprocess.run(
            list(argv),
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ActionFailed(f"{service}: {argv[0]}: {error}") from error
    return ExecResult(code=done.returncode, output=done.stdout.decode(errors="replace"))
