"""The no-op fault: the smallest injector, and the first to read before writing one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import ActionFailed, InvalidInput
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack


class NoOp:
    """Changes nothing: a drill of alerting and people only, or a rehearsal of the harness."""

    kind = "noop"
    reversibility: Reversibility = "momentary"
    loses_data = False
    needs: frozenset[str] = frozenset()
    params: Mapping[str, str] = MappingProxyType({})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Nothing to remember. Raises InvalidInput for a parameter (there are none) and for a target that is down."""
        if fault.params:
            raise InvalidInput(f"fault {fault.id}: {self.kind} takes no parameters; remove {', '.join(fault.params)}")
        state = stack.services().get(fault.target)
        if state is None or not state.running:
            raise InvalidInput(f"fault {fault.id}: {fault.target} does not run; run `drill stack up`")
        steps = ("Nothing to do: this fault changes nothing.",)
        return replace(draft, instance=state.instance, settle_s=0.0, manual=steps)

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Start what runs: it changes nothing and tells the stack's time. Raises ActionFailed if it is down."""
        state = stack.services().get(lease.service)
        if state is None or not state.running:
            raise ActionFailed(f"{lease.service} does not run any more; look at `drill stack status`")
        return stack.start(lease.service)

    def active(self, lease: Lease, stack: Stack) -> bool:  # noqa: ARG002 - the port's signature
        """Always: no change is there as soon as it is applied."""
        return True

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Nothing to undo."""

    def undone(self, lease: Lease, stack: Stack) -> bool:  # noqa: ARG002 - the port's signature
        """Always."""
        return True
