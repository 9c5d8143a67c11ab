"""Which file systems of a container are its own and of a fixed size, so that they can be filled without harm."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from drill.errors import ActionFailed
from drill.stacks.engine import engine_errors
from drill.stacks.inside import run_inside
from drill.stacks.project import Project

if TYPE_CHECKING:
    from docker.models.containers import Container

_SIZE = re.compile(r"(?:^|,)size=(\d+)([kmg]?)b?(?:,|$)", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_TIMEOUT_S = 5.0
# The mount point that holds a path, its type, and its size in bytes, as the kernel has them.
_LOOK = """
real=$(readlink -f -- "$1") && [ -d "$real" ] || exit 1
at=$(df -P -- "$real" | tail -n 1) && at=${at##* }
stat -f -c '%T %S %b' -- "$real" && printf '%s\\n' "$at"
"""


def fixed_size(project: Project, service: str, path: str) -> int:
    """Bytes, of the smallest among the replicas; 0 when one is not bounded, or there is no such folder.

    The engine must say that it made it in memory with a size, for this container alone, and the kernel that just this
    holds the path. Raises ActionFailed when a replica does not run.
    """
    return min(_fixed_size(container, path) for container in project.existing(service))


def _fixed_size(container: Container, path: str) -> int:
    answer = run_inside(container, str(container.name), ["sh", "-c", _LOOK, "sh", path], _TIMEOUT_S)
    lines = answer.output.splitlines()
    if answer.code or len(lines) != 2:
        return 0
    kind, block, blocks = lines[0].split()
    promised = _promised(container).get(lines[1], 0)
    size = int(block) * int(blocks)
    return size if kind == "tmpfs" and promised and abs(size - promised) < 2 * int(block) else 0


def _promised(container: Container) -> dict[str, int]:
    """Mount points in memory with the size that the engine was asked for."""
    host: dict[str, Any] = container.attrs["HostConfig"]
    sizes = {place: _size(options) for place, options in (host.get("Tmpfs") or {}).items()}
    for mount in host.get("Mounts") or []:
        if mount.get("Type") == "tmpfs":
            sizes[mount["Target"]] = int((mount.get("TmpfsOptions") or {}).get("SizeBytes") or 0)
    for mount in container.attrs["Mounts"]:
        if mount.get("Type") == "volume":
            sizes[mount["Destination"]] = _of_volume(container, mount["Name"])
    return sizes


def _of_volume(container: Container, name: str) -> int:
    if container.client is None:
        raise ActionFailed(f"{container.name} has no connection to its engine")
    with engine_errors(f"looking at volume {name}"):
        options = container.client.volumes.get(name).attrs.get("Options") or {}
        users = container.client.containers.list(all=True, filters={"volume": name})
    alone = options.get("type") == "tmpfs" and len(users) == 1
    return _size(options.get("o", "")) if alone else 0


def _size(options: str) -> int:
    found = _SIZE.search(options)
    return int(found[1]) * _UNITS[found[2].lower()] if found else 0
