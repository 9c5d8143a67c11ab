"""One helper container: made, started, listed, removed. See ``drill.stacks.beside`` for what it is for."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drill.errors import StackError
from drill.ports.containers import Shared
from drill.stacks import procfs
from drill.stacks.engine import engine_errors
from drill.stacks.project import Project

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE_VARIABLE = "DRILL_HELPER_IMAGE"
DEFAULT_IMAGE = "drill-helper:local"
NAME_LABEL, PROJECT_LABEL, OWNER_LABEL = "drill.helper", "drill.helper.project", "drill.helper.owner"
ONCE = "once"
"""Name of the helpers that run a command to its end."""
_GOING_S = 10
_CAPABILITIES: dict[Shared, tuple[str, ...]] = {"network": ("NET_ADMIN", "NET_RAW"), "pid": ("KILL",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Helper:
    """One helper container of a project. ``name``: as it was asked for, or ``once``; ``state``: the engine's word."""

    name: str
    container: str
    state: str
    owner: str


def helpers(project: Project) -> Sequence[Helper]:
    """Every helper of the project, of any process, in any state."""
    with engine_errors("listing helpers"):
        listed = project.engine().api.containers(all=True, filters={"label": f"{PROJECT_LABEL}={project.name}"})
    return [_helper(one) for one in listed]


def _helper(listed: dict[str, Any]) -> Helper:
    labels = listed["Labels"]
    owner = labels.get(OWNER_LABEL, "")
    return Helper(name=labels.get(NAME_LABEL, ""), container=listed["Id"], state=listed["State"], owner=owner)


def sweep(client: DockerClient, project: Project) -> None:
    """Remove those that were made and never started, because the process that wanted them has died in between."""
    for helper in helpers(project):
        if helper.state == "created" and helper.name == ONCE and _has_died(helper.owner):
            remove(client, helper.container)


def _me() -> str:
    """This process: boot, pid and start."""
    found = procfs.read(os.getpid())
    return f"{_boot()} {found.instance if found else ''}"


def _has_died(owner: str) -> bool:
    boot, _, instance = owner.partition(" ")
    if boot != _boot() or ":" not in instance:
        return False  # another machine's, or nobody knows whose
    found = procfs.read(int(instance.split(":")[0]))
    return found is None or found.instance != instance or not found.alive


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def ready_client(project: Project) -> DockerClient:
    """The project's client, once the helper image is seen on its engine. Raises StackError, with what to do."""
    import docker

    client, image = project.engine(), _image()
    with engine_errors(f"looking for image {image}"), suppress(docker.errors.ImageNotFound):
        client.images.get(image)
        return client
    raise StackError(
        f"the helper image {image} is not on this engine; build it with staging/build-images.sh, or name yours in "
        f"{IMAGE_VARIABLE}"
    )


def _image() -> str:
    return os.environ.get(IMAGE_VARIABLE) or DEFAULT_IMAGE


def name_spaces(place: str, share: frozenset[Shared]) -> dict[str, Any]:
    """The part of a container's host configuration that puts it beside another, with what it may do there."""
    wanted: dict[str, Any] = {"NetworkMode": "none", "CapDrop": ["ALL"]}
    allowed = share or {"network"}
    wanted["CapAdd"] = [capability for one, some in _CAPABILITIES.items() if one in allowed for capability in some]
    if "network" in share:
        wanted["NetworkMode"] = f"container:{place}"
    if "pid" in share:
        wanted["PidMode"] = f"container:{place}"
    # An init of its own has to be the first process; in another's name space it is not.
    wanted["Init"] = "pid" not in share
    return wanted


def create(client: DockerClient, project: Project, name: str, argv: list[str], where: dict[str, Any]) -> str:
    """A helper that the engine will remove when it ends; its id. Its output goes to whoever is attached."""
    body = {
        "Image": _image(),
        "Entrypoint": [],
        "Cmd": argv,
        "User": "0:0",
        "Labels": {NAME_LABEL: name, PROJECT_LABEL: project.name, OWNER_LABEL: _me()},
        "HostConfig": {
            **where,
            "AutoRemove": True,
            "ReadonlyRootfs": True,
            "Tmpfs": {"/run": "size=1m", "/tmp": "size=1m"},  # noqa: S108 - the helper's own
            "SecurityOpt": ["no-new-privileges"],
            "LogConfig": {"Type": "none"},
        },
    }
    with engine_errors("making a helper"):
        made = client.api.create_container_from_config(body, f"drill-helper-{secrets.token_hex(6)}")  # type: ignore[no-untyped-call]  # no stub
    return str(made["Id"])


@contextmanager
def started(client: DockerClient, container: str) -> Iterator[Iterator[bytes]]:
    """Start it; the pieces of its output, attached before the start so that nothing of it is missed."""
    with engine_errors("starting a helper"):
        stream = client.api.attach(container, stdout=True, stderr=True, stream=True)
        try:
            client.api.start(container)
            yield stream
        finally:
            stream.close()
            stream._response.close()  # type: ignore[attr-defined]  # no stub; the SDK itself leaves the socket open


def remove(client: DockerClient, container: str) -> None:
    """Back when it is gone; it may be going already."""
    import docker

    with engine_errors("removing a helper"), suppress(docker.errors.NotFound):
        try:
            client.api.remove_container(container, force=True, v=True)
        except docker.errors.APIError as error:
            if error.status_code != 409:
                raise
            client.api.wait(container, timeout=_GOING_S, condition="removed")
