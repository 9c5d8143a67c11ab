"""Freeze a service: it keeps its connections and answers nothing, like a host that hangs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.target import (
    as_before,
    before,
    check_params,
    present,
    running_target,
    start_by_hand,
    start_if_down,
)


class Pause:
    """All processes of the service stop where they are; unpausing lets them go on."""

    kind = "container.pause"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"pause"})
    params: Mapping[str, str] = MappingProxyType({})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a parameter, or a target that does not run."""
        check_params(fault, self.params)
        state = running_target(fault, stack)
        lease = replace(draft, instance=state.instance, before=before(state), params={}, settle_s=1.0)
        return replace(lease, manual=(_unpause_by_hand(lease), *start_by_hand(lease)))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Pause it."""
        return stack.pause(lease.service)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether it is paused now."""
        state = stack.services().get(lease.service)
        return state is not None and state.paused

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Unpause it if it is paused. A restart that died half-way with the harness that ran it is finished."""
        if present(lease, stack).paused:
            stack.unpause(lease.service)
        start_if_down(lease, stack)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether it runs, unpaused."""
        return as_before(lease, stack)


def _unpause_by_hand(lease: Lease) -> str:
    if lease.stack.kind == "compose":
        return f"Unpause the container: `docker unpause {lease.instance[:12]}`"
    return f"Let the process group go on: `kill -CONT -- -{lease.instance.split(':')[0]}`"
