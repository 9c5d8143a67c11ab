"""Another image for the containers of one service, one after the other, so that a crash at any point can be mended.

A container cannot change its image, so it gets a successor. The old one is set aside under a name that says whose it
is, the new one is created under its name, the old one is stopped, the new one started, the old one removed. While
something stands aside the deployment is unfinished: a successor that was ever started wins, else the old one comes
back (``settle``).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drill.clock import now_ns
from drill.errors import ActionFailed, StackError
from drill.model.lease import Moment
from drill.stacks.engine import engine_errors
from drill.stacks.inside import run_inside
from drill.stacks.moments import bracket, spanning
from drill.stacks.project import ASIDE, Project
from drill.stacks.recreate import creation, further_networks

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.images import Image

_GRACE_S = 5
_HEALTHY_S = 10.0
_CHECK_S = 2.0
_POLL_S = 0.1
_NEVER = "0001-01-01T00:00:00Z"


def find_image(client: DockerClient, reference: str) -> Image:
    """Raises StackError when the engine does not have it: nothing is ever pulled in the middle of a drill."""
    import docker

    with engine_errors(f"looking for image {reference}"), contextlib.suppress(docker.errors.ImageNotFound):
        return client.images.get(reference)
    raise StackError(f"image {reference} is not on this engine; build or pull it first")


def deploy(project: Project, service: str, image: str) -> Moment:
    """Give every replica that does not run from ``image`` a successor that does; bring an unfinished one to an end.

    The moment is from before the first old container is stopped to after the last new one is started. Between two
    replicas it waits up to 10 s for the health check of the first: a bad release may never pass it.
    """
    client = project.engine()
    wanted = find_image(client, image)
    settle(project, service)
    changes = [_Change.of(client, old, image) for old in project.existing(service) if not _runs(old, wanted, image)]
    moments: list[Moment] = []
    for place, change in enumerate(changes):
        if place:
            _wait_ready(changes[place - 1].fresh)
        moments.append(change.carry_out(client, lambda: settle(project, service)))
    return spanning(moments) if moments else bracket(now_ns(), now_ns(), "already deployed")


def settle(project: Project, service: str) -> None:
    """End an unfinished deployment: remove what was replaced, or put back what was not. Starts nothing."""
    aside = project.aside(service)
    if not aside:
        return
    heirs = {heir.name: heir for heir in project.replicas(service)}
    with engine_errors(f"finishing the deployment of {service}"):
        for old in aside:
            name = str(old.name).removesuffix(ASIDE)
            _settle_one(old, heirs.get(name), name)


def _settle_one(old: Container, heir: Container | None, name: str) -> None:
    if heir is not None and heir.attrs["State"]["StartedAt"] != _NEVER:
        old.remove(force=True)
        return
    if heir is not None:
        heir.remove(force=True)
    old.rename(name)


def references(replicas: Sequence[Container]) -> list[str]:
    """The image reference that each replica was made from."""
    return [str(replica.attrs["Config"]["Image"]) for replica in replicas]


def _runs(container: Container, image: Image, reference: str) -> bool:
    attrs = container.attrs
    alive = attrs["State"]["Running"] and not attrs["State"]["Paused"]
    return alive and attrs["Image"] == image.id and attrs["Config"]["Image"] == reference


@dataclass(slots=True)
class _Change:
    """One replica's change of image. All that can be refused is refused before it is made."""

    old: Container
    body: dict[str, Any]
    fresh: Container

    @classmethod
    def of(cls, client: DockerClient, old: Container, image: str) -> _Change:
        made_from = find_image(client, old.attrs["Image"])
        return cls(old, creation(old.attrs, made_from.attrs["Config"] or {}, image), old)

    def carry_out(self, client: DockerClient, put_back: Callable[[], None]) -> Moment:
        """Raises ActionFailed, with the old container put back as far as can be, when the engine refuses a step."""
        name, ran = str(self.old.name), self.old.attrs["State"]["Running"]
        try:
            with engine_errors(f"deploying {self.body['Image']} as {name}"):
                return self._replace(client, name)
        except ActionFailed:
            # The first error says why; what went wrong with the way back shows in the state of the stack.
            with contextlib.suppress(ActionFailed), engine_errors(f"putting {name} back"):
                put_back()
                if ran:
                    self.old.start()
            raise

    def _replace(self, client: DockerClient, name: str) -> Moment:
        self.old.rename(name + ASIDE)
        self.fresh = _create(client, name, self.body, further_networks(self.old.attrs))
        began = now_ns()
        _end(self.old)
        self.fresh.start()
        moment = bracket(began, now_ns(), "call")
        self.old.remove()
        return moment


def _create(client: DockerClient, name: str, body: dict[str, Any], networks: dict[str, dict[str, Any]]) -> Container:
    """A container that was never started, in all its networks."""
    made = client.api.create_container_from_config(body, name)["Id"]  # type: ignore[no-untyped-call]  # no stub
    for network, settings in networks.items():
        client.api.connect_container_to_network(made, network, **settings)
    return client.containers.get(made)


def _end(container: Container) -> None:
    state = container.attrs["State"]
    if state["Paused"]:
        # Woken first, it would answer what hung. A kill wakes it dying.
        container.kill("SIGKILL")
        container.wait(timeout=_GRACE_S)
    elif state["Running"] or state.get("Restarting"):
        own = container.attrs["Config"].get("StopTimeout")
        container.stop(timeout=_GRACE_S if own is None else min(own, _GRACE_S))


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
