"""Ending a container past the engine, as a crash does. After a kill by the engine no restart policy acts."""

from __future__ import annotations

import os
import signal as signals
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from drill.errors import ActionFailed
from drill.model.lease import Moment
from drill.stacks import beside, exits
from drill.stacks.containers import Attrs, visible_pid
from drill.stacks.moments import hold, spanning
from drill.stacks.project import Project, number_of

if TYPE_CHECKING:
    from docker.models.containers import Container

INITS = ("docker-init", "tini", "dumb-init", "catatonit")
"""Programs that are the first process for another's sake: what they started is the service."""
_HELPER_S = 5.0
_STRIKE = f"""
main=1
case "$(cat /proc/1/comm)" in {"|".join(INITS)}) read -r main rest </proc/1/task/1/children ;; esac
kill -s "$1" "${{main:-1}}"
"""


def crash(project: Project, service: str, signal: str) -> Moment:
    """Signal the main process of each running replica past the engine; back when each has ended.

    Raises ActionFailed when none runs or one does not end.
    """
    running = [one for one in project.replicas(service) if one.attrs["State"]["Running"]]
    if not running:
        raise ActionFailed(f"{service} does not run, so it cannot crash; run `drill stack up`")
    return spanning([_crash(project, service, one, signal) for one in running])


def ending(project: Project, service: str, act: Callable[[], object]) -> Moment:
    """Do what ends the first running replica, and see it end. Raises ActionFailed when it does not, or none runs."""
    for container in project.replicas(service):
        if container.attrs["State"]["Running"]:
            return exits.observe(container, act)
    raise ActionFailed(f"{service} does not run, so it cannot end; run `drill stack up`")


def _crash(project: Project, service: str, container: Container, signal: str) -> Moment:
    one = project.narrowed(service, number_of(container))
    try:
        return exits.observe(container, partial(_strike, one, service, container.attrs, signal))
    except ActionFailed as error:
        raise ActionFailed(
            f"{error}; {signal} did not end it: without `init: true` a container's first process is safe from signals "
            "that it does not handle, unless drill runs as root on the engine's own machine"
        ) from error


def _strike(project: Project, service: str, attrs: Attrs, signal: str) -> None:
    """From this machine where it may, else by a helper in the container's pid name space, which dies with it."""
    if not _from_here(attrs, signals.Signals[signal]):
        command = ["sh", "-c", _STRIKE, "sh", signal.removeprefix("SIG")]
        with suppress(ActionFailed):  # the exit is what counts, and it is watched
            beside.run_beside(project, service, command, frozenset({"pid"}), _HELPER_S)


def _from_here(attrs: Attrs, number: signals.Signals) -> bool:
    """Whether the signal could be sent from here."""
    first = visible_pid(attrs)
    pidfd = hold(_main(first)) if first is not None else None
    if pidfd is None:
        return False
    try:
        if visible_pid(attrs) != first:
            return False  # it ended meanwhile, and the pid may be another's
        signals.pidfd_send_signal(pidfd, number)
    except (PermissionError, ProcessLookupError):
        return False
    finally:
        os.close(pidfd)
    return True


def _main(first: int) -> int:
    """The service's own process: the first one, or the child of an init."""
    try:
        if Path(f"/proc/{first}/comm").read_text().strip() not in INITS:
            return first
        return int(Path(f"/proc/{first}/task/{first}/children").read_text().split()[0])
    except (OSError, IndexError):
        return first
