"""What the faults of this family share: a target that runs, and going on from its state now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drill.errors import InvalidInput, StackError
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import ServiceState, Stack


def check_params(fault: FaultSpec, known: Iterable[str]) -> None:
    """Raises InvalidInput for a parameter that the fault kind does not have."""
    names = sorted(known)
    for name in fault.params:
        if name not in names:
            raise InvalidInput(
                f"fault {fault.id}: {fault.kind} has no parameter {name!r}; it has {', '.join(names) or 'none'}"
            )


def running_target(fault: FaultSpec, stack: Stack) -> ServiceState:
    """The target's state. Raises InvalidInput when it is absent, stopped or paused: the fault would prove nothing."""
    services = stack.services()
    state = services.get(fault.target)
    if state is None:
        known = ", ".join(sorted(services)) or "none"
        raise InvalidInput(f"fault {fault.id}: the stack has no service {fault.target!r}; running are: {known}")
    if not state.running or state.paused:
        now = "paused" if state.paused else "not running"
        raise InvalidInput(f"fault {fault.id}: {fault.target} is {now} already; run `drill stack up` or mend it first")
    return state


def before(state: ServiceState) -> Mapping[str, ParamValue]:
    """What undo goes by."""
    return {"running": state.running, "paused": state.paused, "instance": state.instance}


def present(lease: Lease, stack: Stack) -> ServiceState:
    """The target's state now. Raises StackError, with the manual steps, when it was removed meanwhile."""
    state = stack.services().get(lease.service)
    if state is None:
        raise StackError(f"{lease.service} was removed during the drill; by hand: {'; '.join(lease.manual)}")
    return state


def as_before(lease: Lease, stack: Stack) -> bool:
    """Whether the target runs again as it did, paused by nobody."""
    state = stack.services().get(lease.service)
    return state is not None and not state.paused and (state.running or not lease.before.get("running", True))


def start_if_down(lease: Lease, stack: Stack) -> None:
    """Start the target if it ran before and does not now; a responder may have started it already."""
    if lease.before.get("running", True) and not present(lease, stack).running:
        stack.start(lease.service)


def start_by_hand(lease: Lease) -> tuple[str, ...]:
    """Manual steps, in words and commands, to bring the target back."""
    if lease.stack.kind == "compose":
        again = f"`docker-compose -p {lease.stack.project} up -d {lease.service}` with the stack's Compose file"
        return (f"Start the container: `docker start {lease.instance[:12]}`", f"If it was removed: {again}")
    return (f"Start what does not run, {lease.service} among it: `drill stack up --stack {lease.stack.kind}`",)


class Down:
    """What faults share after which the service does not run: seen down, undone by a start."""

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether it is down."""
        state = stack.services().get(lease.service)
        return state is None or not state.running

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Start it if it is down."""
        start_if_down(lease, stack)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether it runs, unpaused."""
        return as_before(lease, stack)
