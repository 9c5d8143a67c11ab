"""What an inspected container says. Pure, but for the look at /proc that proves whose a pid is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

Attrs = Mapping[str, Any]
_COMPOSE = "com.docker.compose."
_PERIOD_US = 100_000
_PAGE = 4096


def healthy_of(state: Attrs) -> bool | None:
    """Whether a running container's health check passed; None when it has none."""
    status = (state.get("Health") or {}).get("Status", "none")
    return None if status == "none" else bool(state["Running"] and not state["Paused"] and status == "healthy")


def facts(attrs: Attrs, host_memory: int = 0) -> dict[str, str]:
    """What must be the same at the end of a drill. Environment values enter as a digest only.

    ``host_memory``: bytes that the host has; a memory limit of that much (0: not known) is none.
    """
    restart = attrs["HostConfig"]["RestartPolicy"]
    return {
        "image": attrs["Image"],
        "configuration": _configuration(attrs),
        "networks": " ".join(sorted(_network(name, net, attrs["Id"]) for name, net in networks_of(attrs).items())),
        "ports": " ".join(sorted(f"{port}={_bindings(binds)}" for port, binds in _ports(attrs).items())),
        "restart": f"{restart.get('Name') or 'no'}:{restart.get('MaximumRetryCount', 0)}",
        "limits": _limits(attrs["HostConfig"], host_memory),
        "read_only": str(bool(attrs["HostConfig"].get("ReadonlyRootfs"))).lower(),
    }


def _limits(host: Attrs, host_memory: int) -> str:
    """As the engine has them on record. It can raise a memory limit, but never take it away."""
    quota = max(0, host.get("CpuQuota") or 0) / (host.get("CpuPeriod") or _PERIOD_US)
    cpus = (host.get("NanoCpus") or 0) / 1e9 or quota
    memory = host.get("Memory") or 0
    memory = 0 if host_memory and memory > host_memory - _PAGE else memory
    return f"cpus={cpus:g} memory={memory} pids={max(0, host.get('PidsLimit') or 0)}"


def _configuration(attrs: Attrs) -> str:
    config = attrs["Config"]
    labels = {key: value for key, value in labels_of(attrs).items() if not key.startswith(_COMPOSE)}
    mounts = [[mount.get(key) for key in ("Type", "Name", "Source", "Destination", "RW")] for mount in attrs["Mounts"]]
    parts = {
        "cmd": config.get("Cmd"),
        "entrypoint": config.get("Entrypoint"),
        "env": sorted(config.get("Env") or []),
        "labels": labels,
        "mounts": sorted(mounts, key=str),
        "user": config.get("User"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def networks_of(attrs: Attrs) -> Mapping[str, Any]:
    """Its networks by name, with its end of each."""
    return attrs["NetworkSettings"].get("Networks") or {}


def _network(name: str, net: Attrs, container: str) -> str:
    # The engine adds the short container id as an alias: a recreated container has another.
    aliases = sorted(alias for alias in net.get("Aliases") or [] if alias != container[:12])
    return f"{name}({','.join(aliases)})"


def _ports(attrs: Attrs) -> Mapping[str, Any]:
    return attrs["HostConfig"].get("PortBindings") or {}


def _bindings(binds: list[Attrs] | None) -> str:
    return ",".join(f"{bind.get('HostIp', '')}:{bind.get('HostPort', '')}" for bind in binds or [])


def labels_of(attrs: Attrs) -> dict[str, str]:
    """Its labels."""
    return dict(attrs["Config"].get("Labels") or {})


def env_of(attrs: Attrs) -> dict[str, str]:
    """Its environment."""
    pairs = (item.partition("=") for item in attrs["Config"].get("Env") or [])
    return {key: value for key, _, value in pairs}


def published(attrs: Attrs, port: int) -> int | None:
    """The host's port for a TCP port of the container, whether it runs or not; None when it is not published."""
    key = f"{port}/tcp"
    running = attrs["NetworkSettings"].get("Ports") or {}
    for binds in (_ports(attrs).get(key), running.get(key)):
        for bind in binds or []:
            if bind.get("HostPort") not in (None, "", "0"):
                return int(bind["HostPort"])
    return None


def trouble(attrs: Attrs) -> str:
    """Why a container is not ready, in words: how it exited, or what its health check said last."""
    state = attrs["State"]
    if not state["Running"]:
        return f"exited with code {state.get('ExitCode')}"
    if state["Paused"]:
        return "paused"
    checks = (state.get("Health") or {}).get("Log") or []
    if not checks:
        return "its health check has not answered yet"
    said = " ".join(str(checks[-1].get("Output") or "").split())[-200:] or "nothing"
    return f"its health check says, with exit code {checks[-1].get('ExitCode')}: {said}"


def has_ended(attrs: Attrs) -> bool:
    """Whether it exited and no restart policy will start it again."""
    state, policy = attrs["State"], attrs["HostConfig"]["RestartPolicy"].get("Name")
    return state.get("Status") == "exited" and policy in (None, "", "no")


def visible_pid(attrs: Attrs) -> int | None:
    """The pid of its first process, if /proc here shows it (the engine may be in a machine of its own)."""
    pid = attrs["State"].get("Pid") or 0
    try:
        mine = attrs["Id"] in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return None
    return pid if mine else None


def finished_s(attrs: Attrs) -> float:
    """When it last exited, by the engine's wall clock: seconds since 1970."""
    return datetime.fromisoformat(attrs["State"]["FinishedAt"]).timestamp()
