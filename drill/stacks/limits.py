"""Resource limits, restart policies and life lines of containers.

Limits are read where they hold: from the kernel, if this machine shows the container's control group, else from what
the engine has on record. The engine keeps a processor limit either as cores (NanoCpus) or as a quota of a period, and
refuses the other; a memory limit it can raise but never take away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drill.clock import now_ns
from drill.errors import ActionFailed, InvalidInput
from drill.model.lease import Moment
from drill.ports.containers import Lifeline, Limits
from drill.stacks import cgroups
from drill.stacks.containers import Attrs, visible_pid
from drill.stacks.engine import TIMEOUT_S, engine_errors
from drill.stacks.moments import bracket, spanning
from drill.stacks.project import Project

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

POLICIES = ("no", "always", "on-failure", "unless-stopped")
_PERIOD_US = 100_000
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class _Host:
    """All that there is: cores, and bytes of memory."""

    cpus: int
    memory: int


def lifelines(project: Project, service: str) -> Sequence[Lifeline]:
    """What each replica has been through. One that waits for its restart does not run."""
    return [_lifeline(container.attrs) for container in project.replicas(service)]


def _lifeline(attrs: Attrs) -> Lifeline:
    state = attrs["State"]
    return Lifeline(
        instance=attrs["Id"],
        started=state["StartedAt"],
        restarts=attrs.get("RestartCount", 0),
        oom_killed=bool(state["OOMKilled"]),
        running=bool(state["Running"] and not state.get("Restarting")),
        pid=state.get("Pid") or 0,
    )


def limits(project: Project, service: str) -> Sequence[Limits]:
    """Of each replica; a limit of all that the host has is none."""
    found = project.replicas(service)
    host = _host(project.engine())
    return [_held(container.attrs, host) for container in found]


def set_limits(project: Project, service: str, wanted: Limits) -> Moment:
    """Change what differs, on every replica, and read it back. Raises ActionFailed when the engine does not take it."""
    found, client = project.existing(service), project.engine()
    host = _host(client)
    return spanning([_limit(client, container, wanted, host) for container in found])


def _limit(client: DockerClient, container: Container, wanted: Limits, host: _Host) -> Moment:
    began, held = now_ns(), _held(container.attrs, host)
    body: dict[str, Any] = {}
    if not _same_cpus(wanted.cpus, held.cpus):
        body |= _cpu_change(container.attrs["HostConfig"], wanted.cpus, host)
    if not _same_memory(wanted.memory, held.memory):
        body |= _memory_change(container.attrs["HostConfig"], wanted.memory, host)
    if wanted.pids != held.pids:
        body["PidsLimit"] = wanted.pids
    if body:
        _update(client, container, body)
        if body.get("Memory") == host.memory:
            # Not in the same call: the engine would raise memory above the old limit of memory and swap together.
            _update(client, container, {"Memory": host.memory, "MemorySwap": -1})
        container.reload()
        _check(container, wanted, _held(container.attrs, host))
    return bracket(began, now_ns(), "call")


def _update(client: DockerClient, container: Container, body: Attrs) -> None:
    """The SDK's own call knows neither cores nor processes."""
    import docker

    with engine_errors(f"updating {container.name}"):
        url = f"{client.api.base_url}/v{client.api.api_version}/containers/{container.id}/update"
        answer = client.api.post(url, json=body, timeout=TIMEOUT_S)
        if not answer.ok:
            said = " ".join(str(answer.json().get("message", answer.text)).split())
            raise docker.errors.APIError(answer.text, answer, said)


def _check(container: Container, wanted: Limits, held: Limits) -> None:
    alike = _same_cpus(wanted.cpus, held.cpus) and _same_memory(wanted.memory, held.memory)
    if not alike or wanted.pids != held.pids:
        raise ActionFailed(f"{container.name} was to have {wanted}, but has {held}; look at `docker inspect`")


def _cpu_change(config: Attrs, cpus: float, host: _Host) -> dict[str, int]:
    if config.get("NanoCpus"):
        return {"NanoCpus": round((cpus or host.cpus) * 1e9)}
    # A quota, not cores: that can be lifted again, and a period would bar a later `docker update --cpus`.
    return {"CpuQuota": round(cpus * (config.get("CpuPeriod") or _PERIOD_US)) or -1}


def _memory_change(config: Attrs, memory: int, host: _Host) -> dict[str, int]:
    """Memory and swap go together; the swap beside a limit stays what it was. None at all where there was no limit."""
    if not memory:
        return {"Memory": host.memory, "MemorySwap": host.memory}
    has, with_swap = config.get("Memory") or 0, config.get("MemorySwap") or 0
    if not 0 < has < host.memory:
        return {"Memory": memory, "MemorySwap": memory}
    return {"Memory": memory, "MemorySwap": memory + with_swap - has if with_swap > 0 else -1}


def _same_cpus(one: float, other: float) -> bool:
    """To a hundredth of the least that the engine takes."""
    return math.isclose(one, other, abs_tol=0.0001)


def _same_memory(one: int, other: int) -> bool:
    """The kernel counts whole pages."""
    return abs(one - other) < _PAGE


def _host(client: DockerClient) -> _Host:
    with engine_errors("docker info"):
        info = client.info()
    return _Host(cpus=int(info["NCPU"]), memory=int(info["MemTotal"]))


def _held(attrs: Attrs, host: _Host) -> Limits:
    pid = visible_pid(attrs)
    seen = cgroups.limits_of(pid) if pid is not None else None
    held = seen or _on_record(attrs["HostConfig"])
    cpus = 0.0 if attrs["HostConfig"].get("NanoCpus") and held.cpus >= host.cpus else held.cpus
    memory = 0 if held.memory > host.memory - _PAGE else held.memory
    return Limits(cpus=cpus, memory=memory, pids=held.pids)


def _on_record(config: Attrs) -> Limits:
    """As the engine would set them at the next start."""
    quota = (config.get("CpuQuota") or 0) / (config.get("CpuPeriod") or _PERIOD_US)
    cpus = (config.get("NanoCpus") or 0) / 1e9 or max(0.0, quota)
    return Limits(cpus=cpus, memory=config.get("Memory") or 0, pids=max(0, config.get("PidsLimit") or 0))


def restart_policy(project: Project, service: str) -> str:
    """Of the first replica; ``on-failure:3`` with the most restarts where that is limited."""
    return _policy(project.existing(service)[0].attrs)


def _policy(attrs: Attrs) -> str:
    policy = attrs["HostConfig"]["RestartPolicy"]
    most = policy.get("MaximumRetryCount") or 0
    return (policy.get("Name") or "no") + (f":{most}" if most else "")


def set_restart_policy(project: Project, service: str, policy: str) -> Moment:
    """Set on every replica and read back. Raises InvalidInput for a policy that does not exist."""
    name, _, most = policy.partition(":")
    if name not in POLICIES or (most and not (name == "on-failure" and most.isdigit())):
        raise InvalidInput(f"restart policy {policy!r} is none of {', '.join(POLICIES)}, on-failure:N")
    body = {"RestartPolicy": {"Name": name, "MaximumRetryCount": int(most or 0)}}
    return spanning([_set_policy(project, one, policy, body) for one in project.existing(service)])


def _set_policy(project: Project, container: Container, policy: str, body: Attrs) -> Moment:
    began = now_ns()
    _update(project.engine(), container, body)
    container.reload()
    if _policy(container.attrs) != policy:
        raise ActionFailed(f"{container.name} was to restart by {policy}, but has {_policy(container.attrs)}")
    return bracket(began, now_ns(), "call")
