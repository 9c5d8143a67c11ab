"""Remove a service's containers, as by a clean-up that went too far; its volumes stay."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.change.remade import planned, rebuild, whole
from injectors.container.target import check_params


class Remove:
    """Every replica is stopped and removed; undo makes and starts them, unless a responder did."""

    kind = "container.remove"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str] = MappingProxyType({})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a parameter, or a target that does not run."""
        check_params(fault, self.params)
        return planned(fault, stack, draft, {})

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Remove it; the moment is that of the exit."""
        return stack.containers().remove(lease.service)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether it has no container."""
        return lease.service not in stack.services()

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Make what is missing and start what is down; a fenced database is made, and not started."""
        if not self.undone(lease, stack):
            rebuild(lease, stack)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether as many replicas as before are there and run; or, of a fenced database, are there."""
        return whole(lease, stack)
