"""Removing containers and making them again, as they were or with a change; mended after a crash at any point.

A container is changed by a successor (``drill.stacks.successor``). A blueprint holds what a service's containers are
made from: it is read before anything is touched, and brings them back from whatever became of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from drill.clock import now_ns
from drill.errors import StackError
from drill.model.lease import Moment
from drill.ports.containers import Remake
from drill.stacks import exits
from drill.stacks.engine import engine_errors
from drill.stacks.moments import bracket, spanning
from drill.stacks.project import Project, number_of
from drill.stacks.recreate import changed, essence, further_networks
from drill.stacks.successor import Change, body_of, changing, create, find_image, grace_of, settle

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container


def remove(project: Project, service: str) -> Moment:
    """Stop and remove every replica, its volumes stay; the moment is from the stop signal to the last exit."""
    with changing(project):
        settle(project, service)
        moments = [_remove(container, service) for container in project.existing(service)]
    return spanning(moments)


def _remove(container: Container, service: str) -> Moment:
    began = now_ns()
    state = container.attrs["State"]
    with engine_errors(f"removing {service}"):
        moment = bracket(began, began, "not running")
        if state["Paused"]:
            moment = exits.observe(container, container.kill)
        elif state["Running"]:
            seen = exits.observe(container, lambda: container.stop(timeout=grace_of(container)))
            moment = bracket(began, seen.at_ns + seen.uncertainty_ns, seen.source)
        container.remove(force=True)
    return moment


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """One replica of a blueprint. ``body``, ``networks``: what to ask the engine for."""

    name: str
    number: int
    image_id: str
    body: dict[str, Any]
    networks: dict[str, dict[str, Any]]
    ran: bool

    @classmethod
    def of(cls, client: DockerClient, container: Container) -> _Plan:
        return cls(
            name=str(container.name),
            number=number_of(container),
            image_id=container.attrs["Image"],
            body=body_of(client, container),
            networks=further_networks(container.attrs),
            ran=bool(container.attrs["State"]["Running"]),
        )

    @property
    def essence(self) -> str:
        return essence(self.body, self.networks, self.image_id)

    def creation(self, client: DockerClient) -> dict[str, Any]:
        """The body, from the very image: by its id when its name has moved on or is gone."""
        try:
            same = find_image(client, self.body["Image"]).id == self.image_id
        except StackError:
            same = False
        return self.body if same else {**self.body, "Image": self.image_id}


def blueprint(project: Project, service: str) -> str:
    """What the service's containers are made from, and whether each runs. Raises StackError when it has none."""
    settled = project.existing(service)
    return json.dumps([asdict(_Plan.of(project.engine(), container)) for container in settled], sort_keys=True)


def rebuild(project: Project, service: str, blueprint: str, *, start: bool = True) -> Moment:
    """Make the containers as the blueprint has them, from any state; what is so already is not touched.

    A replica that is missing is made, one that others added stays. A paused one stays paused when it is alike.
    """
    client = project.engine()
    with changing(project):
        settle(project, service)
        pairs = _pairs(client, _read(blueprint), project.replicas(service))
        moments = [_bring_back(project, service, plan, found, start) for plan, found in pairs]
    done = [moment for moment in moments if moment is not None]
    return spanning(done) if done else bracket(now_ns(), now_ns(), "already so")


def as_blueprint(project: Project, service: str, blueprint: str) -> bool:
    """Whether every replica of the blueprint is there, alike, and runs if it ran; nothing unfinished stands aside."""
    if project.aside(service):
        return False
    client = project.engine()
    pairs = _pairs(client, _read(blueprint), project.replicas(service))
    return all(
        found is not None
        and plan.essence == _Plan.of(client, found).essence
        and (found.attrs["State"]["Running"] or not plan.ran)
        for plan, found in pairs
    )


def _read(blueprint: str) -> list[_Plan]:
    return [_Plan(**one) for one in json.loads(blueprint)]


def _pairs(
    client: DockerClient, plans: Sequence[_Plan], containers: Sequence[Container]
) -> list[tuple[_Plan, Container | None]]:
    """Each planned replica with the one of its number, else with one alike that somebody made in its place."""
    by_number = {number_of(container): container for container in containers}
    planned = {plan.number for plan in plans}
    spare = {container: _Plan.of(client, container).essence for container in containers}
    spare = {container: alike for container, alike in spare.items() if number_of(container) not in planned}
    pairs: list[tuple[_Plan, Container | None]] = []
    for plan in plans:
        found = by_number.get(plan.number) or next((one for one, alike in spare.items() if alike == plan.essence), None)
        if found is not None:
            spare.pop(found, None)
        pairs.append((plan, found))
    return pairs


def _bring_back(project: Project, service: str, plan: _Plan, found: Container | None, start: bool) -> Moment | None:
    client, runs, began = project.engine(), plan.ran and start, now_ns()
    if found is not None and _Plan.of(client, found).essence != plan.essence:
        change = Change(found, plan.creation(client), plan.networks, found, start=runs)
        return change.carry_out(client, lambda: settle(project, service))
    with engine_errors(f"making {plan.name} again"):
        here = found or create(client, plan.name, plan.creation(client), plan.networks)
        if runs and not here.attrs["State"]["Running"]:
            here.start()
        elif found is not None:
            return None
    return bracket(began, now_ns(), "call")


def remake(project: Project, service: str, change: Remake) -> Moment:
    """Recreate every replica with the change, all else alike, and start it, one by one. Waits for no health."""
    client = project.engine()
    with changing(project):
        settle(project, service)
        steps = [Change.to_body(old, changed(body_of(client, old), change)) for old in project.existing(service)]
        return spanning([step.carry_out(client, lambda: settle(project, service)) for step in steps])


def made(project: Project, service: str) -> Sequence[Remake]:
    """What a remake can change, as each replica has it now, then those that are set aside."""
    return [_made(container) for container in [*project.replicas(service), *project.aside(service)]]


def _made(container: Container) -> Remake:
    config, host = container.attrs["Config"], container.attrs["HostConfig"]
    pairs = (item.partition("=") for item in config.get("Env") or [])
    return Remake(
        env={name: value if given else None for name, given, value in pairs},
        command=(*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])),
        read_only=bool(host.get("ReadonlyRootfs")),
        restart=host["RestartPolicy"].get("Name") or "no",
    )
