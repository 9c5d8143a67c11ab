"""Waiting until a stack is up, with progress, and saying why one service is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from drill.errors import StackError

_TELL_S = 5.0
_LOOK_S = 0.1
_LINES = 5


class Waiting(Protocol):
    """What has to be known of a stack to wait for it."""

    def wait_healthy(self, service: str, timeout_s: float) -> bool: ...
    def logs(self, service: str, tail: int = 200) -> str: ...
    def trouble(self, service: str) -> tuple[str, bool]:
        """Why it is not ready, in words; whether it has ended and will not start again by itself."""
        ...


def wait_until_ready(stack: Waiting, names: Sequence[str], within_s: float, say: Callable[[str], None]) -> None:
    """Until all are healthy; tells each one that is, and every 5 s which are not yet.

    Raises StackError, one line with the cause, its last log lines and the remedy, for one that ended or took longer.
    """
    began = told = time.monotonic()
    waiting = list(names)
    while waiting:
        for name in [name for name in waiting if stack.wait_healthy(name, 0)]:
            say(f"{name} is up")
            waiting.remove(name)
        passed = time.monotonic() - began
        for name in waiting:
            _refuse(stack, name, passed, within_s)
        if waiting and time.monotonic() - told >= _TELL_S:
            told = time.monotonic()
            say(f"waiting for {', '.join(waiting)}: {passed:.0f} s of {within_s:g} s")
        if waiting:
            time.sleep(_LOOK_S)  # health is asked for, never told


def _refuse(stack: Waiting, name: str, passed_s: float, within_s: float) -> None:
    cause, ended = stack.trouble(name)
    if not ended and passed_s < within_s:
        return
    last = " | ".join(line.strip() for line in stack.logs(name, _LINES).splitlines() if line.strip())
    remedy = "" if ended else "; if it only needs longer, raise stack.ready_within in drill.yaml"
    raise StackError(
        f"{name} is not healthy after {passed_s:.1f} s ({cause}); its last log lines: {last or 'none'}; "
        f"see `drill stack logs {name}`{remedy}"
    )
