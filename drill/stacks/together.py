"""Doing the same to several containers at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from drill.clock import now_ns
from drill.model.lease import Moment
from drill.stacks.engine import engine_errors
from drill.stacks.moments import bracket, spanning

if TYPE_CHECKING:
    from docker.models.containers import Container


def act_on_all(
    found: Sequence[Container], doing: str, act: Callable[[Container], Moment | None], when_none: str = ""
) -> Moment:
    """Act on all at once; let all end before the first error is raised. The moment spans them all.

    ``act`` may return the exact moment; else the call brackets it. Raises ActionFailed.
    """
    if not found:
        return bracket(now_ns(), now_ns(), when_none)

    def timed(container: Container) -> Moment:
        began = now_ns()
        with engine_errors(doing):
            return act(container) or bracket(began, now_ns(), "call")

    if len(found) == 1:
        return timed(found[0])
    with ThreadPoolExecutor(len(found)) as pool:
        pending = [pool.submit(timed, container) for container in found]
    return spanning([work.result() for work in pending])
