"""When something happened: the best instant that can be had, and an uncertainty that holds under load too."""

from __future__ import annotations

import os
import select
from collections.abc import Sequence

from drill.clock import now_ns
from drill.model.lease import Moment

_STEP_MS = 1


def bracket(began_ns: int, ended_ns: int, source: str) -> Moment:
    """It happened between two instants of the boot clock (ns): the middle, ± half the width."""
    return Moment(at_ns=(began_ns + ended_ns) // 2, uncertainty_ns=(ended_ns - began_ns) // 2 + 1, source=source)


def spanning(moments: Sequence[Moment]) -> Moment:
    """All of several happenings, at least one: from the earliest that the first can be to the latest of the last."""
    if len(moments) == 1:
        return moments[0]
    began_ns = min(moment.at_ns - moment.uncertainty_ns for moment in moments)
    ended_ns = max(moment.at_ns + moment.uncertainty_ns for moment in moments)
    sources = dict.fromkeys(moment.source for moment in moments)
    return bracket(began_ns, ended_ns, ", ".join(sources))


def hold(pid: int) -> int | None:
    """A pidfd of a living process, or None. The caller closes it."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


class ExitWatch:
    """Watches one pidfd for the exit, from before whatever causes it. It is complete when the last thread is gone."""

    def __init__(self, pidfd: int) -> None:
        self._poll = select.poll()
        self._poll.register(pidfd, select.POLLIN)
        self._alive_ns = now_ns()

    def wait(self, timeout_s: float) -> Moment | None:
        """The exit, between the last look that saw it alive and the first that did not; None after ``timeout_s``."""
        deadline = now_ns() + int(timeout_s * 1e9)
        while True:
            looked_ns = now_ns()
            if self._poll.poll(_STEP_MS):
                return bracket(self._alive_ns, now_ns(), "pidfd")
            self._alive_ns = looked_ns
            if looked_ns >= deadline:
                return None
