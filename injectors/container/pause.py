"""Freeze a service: it keeps its connections and answers nothing, like a host that hangs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import ServiceState, Stack
from injectors.container.target import (
    before,
    blueprint,
    by_hand,
    check_params,
    over,
    present,
    running_target,
    short,
    start_if_down,
    superseded_by,
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
        lease = replace(
            draft,
            instance=state.instance,
            before=before(state, stack),
            sealed=blueprint(fault, stack),
            params={},
            settle_s=1.0,
        )
        return replace(lease, manual=by_hand(lease, state, _unpause_by_hand(lease, state)))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Pause it."""
        return stack.pause(lease.service)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether a replica is paused now."""
        state = stack.services().get(lease.service)
        return state is not None and state.any_paused

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Unpause what is paused, unless it is fenced: thawed, an old primary would go on writing.

        A restart that died half-way with the harness that ran it is finished.
        """
        if present(lease, stack).any_paused and not superseded_by(lease, stack):
            stack.unpause(lease.service)
        start_if_down(lease, stack)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether every replica runs, unpaused; or it is fenced."""
        return over(lease, stack)


def _unpause_by_hand(lease: Lease, state: ServiceState) -> str:
    if lease.stack.kind == "compose":
        return f"Unpause the container: `docker unpause {short(state)}`"
    return f"Let the process group go on: `kill -CONT -- -{state.instance.split(':')[0]}`"
