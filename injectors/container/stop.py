"""Stop a service in good order, like a host that is shut down for maintenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.model.units import parse_seconds
from drill.ports import Stack
from injectors.container.target import Down, before, blueprint, by_hand, check_params, running_target

_DEFAULT_S = 10.0
_LONGEST_S = 300.0


class Stop(Down):
    """The stop signal, a grace period, then SIGKILL; undo starts the service."""

    kind = "container.stop"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs: frozenset[str] = frozenset()
    params: Mapping[str, str] = MappingProxyType(
        {"grace": f"Seconds, or a duration such as 3s, before SIGKILL; {_DEFAULT_S:g} if left out."}
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for an unknown parameter or a bad grace, or a target that does not run."""
        check_params(fault, self.params)
        grace = _grace(fault)
        state = running_target(fault, stack)
        # The engine goes on with a stop whose caller has died, until the grace is over.
        lease = replace(
            draft,
            instance=state.instance,
            before=before(state, stack),
            sealed=blueprint(fault, stack),
            params={"grace": grace},
            settle_s=grace + 1,
        )
        return replace(lease, manual=by_hand(lease, state))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Stop it."""
        return stack.stop(lease.service, float(lease.params["grace"]))


def _grace(fault: FaultSpec) -> float:
    value: ParamValue = fault.params.get("grace", _DEFAULT_S)
    try:
        seconds = parse_seconds(value) if isinstance(value, str) else float(value)
    except ValueError as error:
        raise InvalidInput(f"fault {fault.id}: grace: {error}") from error
    if isinstance(value, bool) or not 0 <= seconds <= _LONGEST_S:
        raise InvalidInput(f"fault {fault.id}: grace {value!r} is not between 0 and {_LONGEST_S:g} s")
    return seconds
