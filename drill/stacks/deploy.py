"""Another image for the containers of one service, one after the other, so that a crash at any point can be mended.

How a container gets its successor is in ``drill.stacks.successor``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from drill.clock import now_ns
from drill.errors import ActionFailed
from drill.model.lease import Moment
from drill.stacks.engine import engine_errors
from drill.stacks.inside import run_inside
from drill.stacks.moments import bracket, spanning
from drill.stacks.project import Project
from drill.stacks.successor import Change, find_image, settle

if TYPE_CHECKING:
    from docker.models.containers import Container
    from docker.models.images import Image

_HEALTHY_S = 10.0
_CHECK_S = 2.0
_POLL_S = 0.1


def deploy(project: Project, service: str, image: str) -> Moment:
    """Give every replica that does not run from ``image`` a successor that does; bring an unfinished one to an end.

    The moment is from before the first old container is stopped to after the last new one is started. Between two
    replicas it waits up to 10 s for the health check of the first: a bad release may never pass it.
    """
    client = project.engine()
    wanted = find_image(client, image)
    settle(project, service)
    changes = [
        Change.to_image(client, old, image) for old in project.existing(service) if not _runs(old, wanted, image)
    ]
    moments: list[Moment] = []
    for place, change in enumerate(changes):
        if place:
            _wait_ready(changes[place - 1].fresh)
        moments.append(change.carry_out(client, lambda: settle(project, service)))
    return spanning(moments) if moments else bracket(now_ns(), now_ns(), "already deployed")


def references(replicas: Sequence[Container]) -> list[str]:
    """The image reference that each replica was made from."""
    return [str(replica.attrs["Config"]["Image"]) for replica in replicas]


def _runs(container: Container, image: Image, reference: str) -> bool:
    attrs = container.attrs
    alive = attrs["State"]["Running"] and not attrs["State"]["Paused"]
    return alive and attrs["Image"] == image.id and attrs["Config"]["Image"] == reference


def _wait_ready(container: Container) -> None:
    """Until its health check passes, or has failed for good, or it has none, or it ended, or 10 s are over."""
    deadline = time.monotonic() + _HEALTHY_S
    with engine_errors(f"waiting for {container.name}"):
        container.reload()
        while _starting(container) and time.monotonic() < deadline and not _passes(container):
            time.sleep(_POLL_S)  # health is asked for, never told
            container.reload()


def _starting(container: Container) -> bool:
    state = container.attrs["State"]
    return bool(state["Running"] and (state.get("Health") or {}).get("Status") == "starting")


def _passes(container: Container) -> bool:
    """Its own health check, run now: the engine runs it for the first time only after a whole interval."""
    kind, *test = container.attrs["Config"]["Healthcheck"]["Test"]
    argv = ["/bin/sh", "-c", *test] if kind == "CMD-SHELL" else test
    try:
        return run_inside(container, str(container.name), argv, _CHECK_S).code == 0
    except ActionFailed:
        return False
