"""How a container gets a successor, so that a crash at any point can be mended.

Most of what a container is made of cannot be changed, so another takes its place. The old one is set aside under a name
that says whose it is, the new one is created under its name, the old one is ended, the new one started, the old one
removed. While something stands aside the change is unfinished: a successor that was ever started wins, else the old one
comes back (``settle``).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drill.clock import now_ns
from drill.errors import ActionFailed, StackError
from drill.model.lease import Moment
from drill.stacks.engine import engine_errors
from drill.stacks.moments import bracket
from drill.stacks.project import ASIDE, Project
from drill.stacks.recreate import creation, further_networks

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.images import Image

GRACE_S = 5
"""Seconds from the stop signal to SIGKILL, unless the container asks for less."""
_NEVER = "0001-01-01T00:00:00Z"
_locks: dict[str, threading.Lock] = {}


def changing(project: Project) -> threading.Lock:
    """Held while containers of the project get successors: two changes interleaved would both go wrong."""
    return _locks.setdefault(project.name, threading.Lock())


def find_image(client: DockerClient, reference: str) -> Image:
    """Raises StackError when the engine does not have it: nothing is ever pulled in the middle of a drill."""
    import docker

    with engine_errors(f"looking for image {reference}"), contextlib.suppress(docker.errors.ImageNotFound):
        return client.images.get(reference)
    raise StackError(f"image {reference} is not on this engine; build or pull it first")


def body_of(client: DockerClient, container: Container, image: str = "") -> dict[str, Any]:
    """What to create so that it comes back, with another image if one is named. Raises StackError."""
    made_from = find_image(client, container.attrs["Image"])
    reference = image or container.attrs["Config"]["Image"]
    return creation(container.attrs, made_from.attrs["Config"] or {}, reference)


def settle(project: Project, service: str) -> None:
    """End an unfinished change of containers: remove what was replaced, or put back what was not. Starts nothing."""
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


@dataclass(slots=True)
class Change:
    """One container's change to a successor. All that can be refused is refused before it is made."""

    old: Container
    body: Mapping[str, Any]
    networks: Mapping[str, Mapping[str, Any]]
    fresh: Container
    start: bool = True

    @classmethod
    def to_image(cls, client: DockerClient, old: Container, image: str) -> Change:
        """All else alike."""
        return cls.to_body(old, body_of(client, old, image))

    @classmethod
    def to_body(cls, old: Container, body: Mapping[str, Any]) -> Change:
        """In the same networks."""
        return cls(old, body, further_networks(old.attrs), old)

    def carry_out(self, client: DockerClient, put_back: Callable[[], None]) -> Moment:
        """The moment is from before the old one is ended to after the new one is started.

        Raises ActionFailed, with the old container put back as far as can be, when the engine refuses a step.
        """
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
        began = now_ns()
        if restarts(self.old):  # the engine cannot rename what comes and goes
            end(self.old)
        self.old.rename(name + ASIDE)
        self.fresh = create(client, name, self.body, self.networks)
        began = began if restarts(self.old) else now_ns()
        end(self.old)
        if self.start:
            self.fresh.start()
        moment = bracket(began, now_ns(), "call")
        self.old.remove(force=True)
        return moment


def create(
    client: DockerClient, name: str, body: Mapping[str, Any], networks: Mapping[str, Mapping[str, Any]]
) -> Container:
    """A container that was never started, in all its networks."""
    made = client.api.create_container_from_config(dict(body), name)["Id"]  # type: ignore[no-untyped-call]  # no stub
    for network, settings in networks.items():
        client.api.connect_container_to_network(made, network, **settings)
    return client.containers.get(made)


def end(container: Container) -> None:
    """Stop what runs, in good order; a frozen one is killed: woken first, it would answer what hung."""
    state = container.attrs["State"]
    if state["Paused"]:
        container.kill("SIGKILL")
        container.wait(timeout=GRACE_S)
    elif state["Running"] or state.get("Restarting"):
        container.stop(timeout=grace_of(container))


def restarts(container: Container) -> bool:
    """Whether its policy has started it again since it was started."""
    return bool(container.attrs["State"].get("Restarting") or container.attrs.get("RestartCount"))


def grace_of(container: Container) -> int:
    """Whole seconds that it gets to stop."""
    own = container.attrs["Config"].get("StopTimeout")
    return GRACE_S if own is None else min(int(own), GRACE_S)
