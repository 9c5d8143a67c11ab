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
from drill.stacks.containers import Attrs
from drill.stacks.engine import engine_errors
from drill.stacks.project import Project

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE_VARIABLE = "DRILL_HELPER_IMAGE"
DEFAULT_IMAGE = "drill-helper:local"
NAME_LABEL, PROJECT_LABEL, OWNER_LABEL, PLACE_LABEL = (
    f"drill.helper{end}" for end in ("", ".project", ".owner", ".beside")
)
ONCE = "once"
"""Name of the helpers that run a command to its end."""
_GOING_S = 10
_CAPABILITIES: dict[Shared, tuple[str, ...]] = {"network": ("NET_ADMIN", "NET_RAW"), "pid": ("KILL",)}


@dataclass(frozen=True, slots=True)
class Place:
    """The container that a helper stands beside, and when that was started: its name spaces end with that life."""

    container: str
    started: str

    @classmethod
    def of(cls, attrs: Attrs) -> Place:
        """From an inspected container."""
        return cls(attrs["Id"], attrs["State"]["StartedAt"])

    def lives(self, client: DockerClient) -> bool:
        """Whether that container still runs, without a restart in between. Raises ActionFailed."""
        import docker

        with engine_errors("looking at a helper's target"), suppress(docker.errors.NotFound):
            attrs = client.api.inspect_container(self.container)
            return bool(attrs["State"]["Running"]) and Place.of(attrs) == self
        return False


NOWHERE = Place("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Helper:
    """One helper container of a project. ``name``: as it was asked for, or ``once``; ``state``: the engine's word."""

    name: str
    container: str
    state: str
    owner: str
    place: Place


def helpers(project: Project) -> Sequence[Helper]:
    """Every helper of the project, of any process, in any state."""
    with engine_errors("listing helpers"):
        listed = project.engine().api.containers(all=True, filters={"label": f"{PROJECT_LABEL}={project.name}"})
    return [_helper(one) for one in listed]


def _helper(listed: dict[str, Any]) -> Helper:
    labels = listed["Labels"]
    container, _, started = labels.get(PLACE_LABEL, "").partition(" ")
    return Helper(
        name=labels.get(NAME_LABEL, ""),
        container=listed["Id"],
        state=listed["State"],
        owner=labels.get(OWNER_LABEL, ""),
        place=Place(container, started),
    )


def sweep(client: DockerClient, project: Project) -> None:
    """Remove those that were made and never started, because the process that wanted them has died in between."""
    for helper in helpers(project):
        if helper.state == "created" and _has_died(helper.owner):
            remove(client, helper.container)


def _me() -> str:
    """This process: boot, pid and start."""
    found = procfs.read(os.getpid())
    return f"{boot()} {found.instance if found else ''}"


def _has_died(owner: str) -> bool:
    machine, _, instance = owner.partition(" ")
    if machine != boot() or ":" not in instance:
        return False  # another machine's, or nobody knows whose
    found = procfs.read(int(instance.split(":")[0]))
    return found is None or found.instance != instance or not found.alive


def boot() -> str:
    """The id of this machine's boot."""
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


def _name_spaces(place: Place, share: frozenset[Shared]) -> dict[str, Any]:
    """The part of a container's host configuration that puts it beside another, with what it may do there."""
    wanted: dict[str, Any] = {"NetworkMode": "none", "CapDrop": ["ALL"]}
    allowed = share or {"network"}
    wanted["CapAdd"] = [capability for one, some in _CAPABILITIES.items() if one in allowed for capability in some]
    if "network" in share:
        wanted["NetworkMode"] = f"container:{place.container}"
    if "pid" in share:
        wanted["PidMode"] = f"container:{place.container}"
    # An init of its own has to be the first process; in another's name space it is not.
    wanted["Init"] = "pid" not in share
    return wanted


def create(
    client: DockerClient, project: Project, name: str, argv: Sequence[str], place: Place, share: frozenset[Shared]
) -> str:
    """A helper that the engine will remove when it ends; its id. Its output goes to whoever is attached."""
    body = {
        "Image": _image(),
        "Entrypoint": [],
        "Cmd": list(argv),
        "User": "0:0",
        "Labels": {
            NAME_LABEL: name,
            PROJECT_LABEL: project.name,
            OWNER_LABEL: _me(),
            PLACE_LABEL: f"{place.container} {place.started}",
        },
        "HostConfig": {
            **_name_spaces(place, share),
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
