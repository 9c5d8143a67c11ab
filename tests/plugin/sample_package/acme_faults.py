"""A service is asked to end and nobody starts it again, as by a deploy that broke off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from drill.errors import InvalidInput, Refused, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack

SIGNALS = ("SIGTERM", "SIGINT")


class Nudge:
    """The service's first process gets a signal that asks it to end; undo starts the service."""

    kind = "acme.nudge"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs: frozenset[str] = frozenset()
    params: Mapping[str, str] = {"signal": "SIGTERM (if left out) or SIGINT."}

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter or a target that does not run, Refused for a database."""
        for name in fault.params:
            if name not in self.params:
                raise InvalidInput(f"fault {fault.id}: {self.kind} has no parameter {name!r}; it has signal")
        signal = fault.params.get("signal", SIGNALS[0])
        if signal not in SIGNALS:
            raise InvalidInput(f"fault {fault.id}: signal {signal!r} is none of {', '.join(SIGNALS)}")
        if fault.target in stack.data_roles():
            raise Refused(f"fault {fault.id}: {fault.target} is a database; use container.stop, which fences it")
        state = stack.services().get(fault.target)
        if state is None or not state.running or state.any_paused:
            raise InvalidInput(f"fault {fault.id}: {fault.target} does not run; run `drill stack up` first")
        by_hand = f"Start what does not run: `drill stack up --stack {draft.stack.kind}`"
        return replace(
            draft,
            instance=state.instance,
            params={"signal": signal},
            settle_s=1.0,
            manual=(by_hand,),
        )

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Send the signal and see every replica end."""
        return stack.kill(lease.service, str(lease.params["signal"]))

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether no replica runs now."""
        state = stack.services().get(lease.service)
        return state is not None and not state.any_running

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Start what does not run; a responder may have been quicker. Raises StackError when it was removed."""
        state = stack.services().get(lease.service)
        if state is None:
            raise StackError(f"{lease.service} was removed meanwhile; by hand: {lease.manual[0]}")
        if not state.running:
            stack.start(lease.service)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether every replica runs."""
        state = stack.services().get(lease.service)
        return state is not None and state.running
