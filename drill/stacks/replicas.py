"""One state for a service of several containers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drill.ports import ServiceState
from drill.stacks.containers import Attrs, facts, healthy_of


def state_of(service: str, replicas: Sequence[Attrs], host_memory: int = 0) -> ServiceState:
    """The state of a service from the inspections of its containers, at least one, in order."""
    states = [attrs["State"] for attrs in replicas]
    health = [healthy_of(state) for state in states]
    first = replicas[0]
    return ServiceState(
        name=service,
        instance=first["Id"],
        running=all(state["Running"] for state in states),
        paused=all(state["Paused"] for state in states),
        healthy=None if all(good is None for good in health) else all(good is not False for good in health),
        pid=first["State"].get("Pid") or None,
        replicas=tuple(attrs["Id"] for attrs in replicas),
        any_running=any(state["Running"] for state in states),
        any_paused=any(state["Paused"] for state in states),
        facts=facts_of(replicas, host_memory),
    )


def facts_of(replicas: Sequence[Attrs], host_memory: int = 0) -> dict[str, str]:
    """What must be the same at the end; where replicas differ, the value of each in order."""
    each = [facts(attrs, host_memory) for attrs in replicas]
    return {name: _one(each, name) for name in each[0]} | {"replicas": _counted(replicas)}


def _one(each: Sequence[Mapping[str, str]], name: str) -> str:
    return alike([one[name] for one in each])


def alike(values: Sequence[str]) -> str:
    """The value that all have, or every value in order."""
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def _counted(replicas: Sequence[Attrs]) -> str:
    """How many, and in which state each is when they differ: nothing else shows that one of them is paused."""
    states = [str(attrs["State"].get("Status", "")) for attrs in replicas]
    return str(len(replicas)) if len(set(states)) == 1 else f"{len(replicas)} ({', '.join(states)})"
