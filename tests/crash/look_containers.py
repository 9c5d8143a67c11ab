"""What the engine says of each container: how it was made, its limits, its state."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from onlooker import Unseen, inspected, listed

Facts = dict[str, Any]
_SERVICE, _NUMBER = "com.docker.compose.service", "com.docker.compose.container-number"
_HOST = ("CapAdd", "CapDrop", "Dns", "ExtraHosts", "Init", "PidMode", "IpcMode", "Tmpfs", "Ulimits", "PortBindings")
_MADE = ("User", "WorkingDir", "Cmd", "Entrypoint", "StopSignal", "Healthcheck")


def containers(project: str) -> dict[str, dict[str, Any]]:
    """`docker inspect` of every container of a project, by service and number; a second of a number gets a mark."""
    found: dict[str, dict[str, Any]] = {}
    for one in sorted(inspected(listed(f"label=com.docker.compose.project={project}")), key=lambda one: one["Created"]):
        labels = one["Config"]["Labels"]
        name = f"{labels[_SERVICE]}-{labels[_NUMBER]}"
        while name in found:
            name += " (another)"
        found[name] = one
    return found


def facts(one: dict[str, Any]) -> Facts:
    """What has to be the same, whatever container it is by now."""
    host, made = one["HostConfig"], one["Config"]
    return {
        "name": one["Name"],
        "image": [one["Image"], made["Image"]],
        "environment": hashlib.sha256("\n".join(sorted(made["Env"] or [])).encode()).hexdigest(),
        "labels": {name: value for name, value in made["Labels"].items() if not name.startswith("com.docker.compose.")},
        "mounts": sorted(_mount(mount) for mount in one["Mounts"]),
        "limits": _limits(host),
        "restart": host["RestartPolicy"]["Name"] or "no",
        "read-only": host["ReadonlyRootfs"],
        "networks": {name: _aliases(one, network) for name, network in one["NetworkSettings"]["Networks"].items()},
        "host": {name: host.get(name) or None for name in _HOST},
        "made": {name: made.get(name) or None for name in _MADE},
        "state": _state(one["State"]),
    }


def _mount(mount: dict[str, Any]) -> str:
    return f"{mount['Type']} {mount.get('Name') or mount['Source']} {mount['Destination']} rw={mount['RW']}"


def _limits(host: dict[str, Any]) -> Facts:
    """None where there is no limit: a limit of all that the machine has cannot be told from it."""
    memory = {name: _memory(host[name]) for name in ("Memory", "MemorySwap", "MemoryReservation")}
    names = ("NanoCpus", "CpuQuota", "CpuShares", "CpusetCpus", "BlkioWeight", "PidsLimit")
    other = {name: None if host.get(name) in (0, -1, "", None) else host[name] for name in names}
    every = (os.cpu_count() or 1) * 10**9
    return memory | other | {"NanoCpus": None if not 0 < host["NanoCpus"] < every else host["NanoCpus"]}


def _memory(size: int) -> int | None:
    total_kb = int(Path("/proc/meminfo").read_text().split("MemTotal:")[1].split()[0])
    return None if size <= 0 or size >= total_kb * 1024 else size


def _aliases(one: dict[str, Any], network: dict[str, Any]) -> list[str]:
    return sorted(alias for alias in network["Aliases"] or [] if not one["Id"].startswith(alias))


def _state(state: dict[str, Any]) -> list[str]:
    return [state["Status"], "paused" if state["Paused"] else "", (state.get("Health") or {}).get("Status", "")]


def helpers(project: str, targets: set[str]) -> list[str]:
    """Containers that a fault put beside the stack: by label or by name, or by the name space they live in."""
    theirs = {*listed("label=drill.helper"), *listed("name=drill-helper-")}
    return sorted(one["Name"] for container in theirs for one in _still(container) if _beside(one, project, targets))


def _still(container: str) -> list[dict[str, Any]]:
    """None of one that went meanwhile, as those of other stacks may."""
    try:
        return inspected([container])
    except Unseen as error:
        if "No such" not in str(error):
            raise
        return []


def _beside(one: dict[str, Any], project: str, targets: set[str]) -> bool:
    host, labels = one["HostConfig"], one["Config"]["Labels"]
    shared = {host["NetworkMode"], host["PidMode"]} & {f"container:{target}" for target in targets}
    return bool(shared) or project in labels.values()
