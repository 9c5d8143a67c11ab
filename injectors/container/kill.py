"""Kill a service at once: no goodbye to clients, no clean shutdown, like a crash or the out-of-memory killer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.target import Down, before, by_hand, check_params, running_target

SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT", "SIGABRT", "SIGSEGV")


class Kill(Down):
    """The service's first process gets a signal that ends it; undo starts the service."""

    kind = "container.kill"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs: frozenset[str] = frozenset()
    params: Mapping[str, str] = MappingProxyType({"signal": f"One of {', '.join(SIGNALS)}; SIGKILL if left out."})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for an unknown parameter or signal, or a target that does not run."""
        check_params(fault, self.params)
        signal = fault.params.get("signal", "SIGKILL")
        if signal not in SIGNALS:
            raise InvalidInput(f"fault {fault.id}: signal {signal!r} is none of {', '.join(SIGNALS)}")
        state = running_target(fault, stack)
        lease = replace(
            draft, instance=state.instance, before=before(state, stack), params={"signal": signal}, settle_s=1.0
        )
        return replace(lease, manual=by_hand(lease, state))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Kill it and see it end."""
        return stack.kill(lease.service, str(lease.params["signal"]))
