"""Crash a service: its main process dies past the engine, so that its restart policy does what it would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.kill import DEADLY, signal_of
from injectors.container.lives import comes_back, ended_since, lives
from injectors.container.target import Down, before, blueprint, by_hand, check_params, running_target

_SETTLE_S = 6.0
"""A helper of a harness that died has struck by then."""


class Crash(Down):
    """The main process gets a signal that ends it. Without a restart policy the service stays down and undo starts it;
    with one the engine starts it again at once, and the lease says momentary."""

    kind = "container.crash"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str] = MappingProxyType({"signal": f"One of {', '.join(DEADLY)}; SIGKILL if left out."})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for an unknown parameter or signal, or a target that does not run."""
        check_params(fault, self.params)
        signal, state = signal_of(fault, DEADLY), running_target(fault, stack)
        lease = replace(
            draft,
            instance=state.instance,
            reversibility=comes_back(stack, fault.target),
            before={**before(state, stack), **lives(stack, fault.target)},
            sealed=blueprint(fault, stack),
            params={"signal": signal},
            settle_s=_SETTLE_S,
        )
        return replace(lease, manual=by_hand(lease, state))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Signal it and see it end."""
        return stack.containers().crash(lease.service, str(lease.params["signal"]))

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether no replica runs; under a restart policy whether each has ended since the plan."""
        if lease.reversibility == "momentary":
            return ended_since(lease, stack) is not None
        return super().active(lease, stack)
