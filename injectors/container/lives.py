"""How a target's replicas have fared since the plan: whether each has crashed since, or is down."""

from __future__ import annotations

from collections.abc import Sequence

from drill.model.lease import Lease, Reversibility
from drill.model.scenario import ParamValue
from drill.ports import Stack
from drill.ports.containers import Lifeline


def comes_back(stack: Stack, service: str) -> Reversibility:
    """Momentary where the restart policy starts it again, else reversible: it stays down until somebody starts it."""
    return "reversible" if stack.containers().restart_policy(service) == "no" else "momentary"


def lives(stack: Stack, service: str) -> dict[str, ParamValue]:
    """What to compare with later: container and restarts by policy of each replica, by its number."""
    found = _numbered(stack, service)
    return {f"life_{number}": f"{one.instance} {one.restarts}" for number, one in found.items()}


def ended_since(lease: Lease, stack: Stack) -> Sequence[Lifeline] | None:
    """Every replica of the plan, when each is down or was started again by its policy since; else None.

    A container made anew, or started by hand, says nothing of an end.
    """
    planned = {name for name in lease.before if name.startswith("life_")}
    ended = {f"life_{n}": one for n, one in _numbered(stack, lease.service).items() if _ended(lease, n, one)}
    return [ended[name] for name in sorted(planned)] if planned <= set(ended) else None


def _ended(lease: Lease, number: int, now: Lifeline) -> bool:
    instance, _, restarts = str(lease.before.get(f"life_{number}", "")).partition(" ")
    return instance == now.instance and (not now.running or now.restarts > int(restarts))


def _numbered(stack: Stack, service: str) -> dict[int, Lifeline]:
    if service not in stack.services():
        return {}
    return dict(zip(stack.replica_numbers(service), stack.containers().lifelines(service), strict=False))
