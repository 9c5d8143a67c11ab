"""A feature flag was flipped: something is on that should be off, or off that should be on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import InvalidInput, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.target import check_params, running_target

# The service acts on a request of a harness that died at once, or never.
_SETTLE_S = 2.0


class Flag:
    """The flag gets the wrong value; undo gives it the value from before, unless somebody did."""

    kind = "change.flag"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"flags"})
    params: Mapping[str, str] = MappingProxyType(
        {"flag": "Name of the flag.", "value": "Its wrong value, true or false; the other one if left out."}
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a target that does not run, or an unknown flag."""
        check_params(fault, self.params)
        state = running_target(fault, stack)
        flag = fault.params.get("flag")
        try:
            known = stack.flags().read(fault.target)
        except StackError as error:
            raise InvalidInput(f"fault {fault.id}: {error}") from error
        if not isinstance(flag, str) or flag not in known:
            names = ", ".join(sorted(known)) or "none"
            raise InvalidInput(f"fault {fault.id}: {fault.target} has no flag {flag!r}; it has {names}")
        now = known[flag]
        value = fault.params.get("value", not now)
        if not isinstance(value, bool) or value == now:
            raise InvalidInput(f"fault {fault.id}: value {value!r} of {flag} is not {not now}, its other value")
        return replace(
            draft,
            instance=state.instance,
            before={"value": now},
            params={"flag": flag, "value": value},
            settle_s=_SETTLE_S,
            manual=_by_hand(draft, stack, flag, now),
        )

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Set it."""
        return stack.flags().write(lease.service, str(lease.params["flag"]), bool(lease.params["value"]))

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether the service says that the flag has the wrong value. Raises StackError when it does not answer."""
        return stack.flags().read(lease.service).get(str(lease.params["flag"])) == lease.params["value"]

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Set the value from before where the flag has the wrong one."""
        if self.active(lease, stack):
            stack.flags().write(lease.service, str(lease.params["flag"]), bool(lease.before["value"]))

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether the service says that the flag has not the wrong value, or no such flag exists any more."""
        return not self.active(lease, stack)


def _by_hand(draft: Lease, stack: Stack, flag: str, value: bool) -> tuple[str, ...]:
    host, port = stack.address(draft.service, "http")
    path = next(spec.flags for spec in stack.specs() if spec.name == draft.service)
    wanted = f'{{"value": {str(value).lower()}}}'
    there = f"http://{host}:{port}{path}/{flag}"
    return (f"Set the flag: `curl -X PUT -H 'Content-Type: application/json' -d '{wanted}' {there}`",)
