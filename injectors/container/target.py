"""What the faults of this family share: a target that runs, going on from its state now, and fencing a primary."""

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
    if not state.running or state.any_paused:
        now = "paused" if state.any_paused else "not running"
        raise InvalidInput(f"fault {fault.id}: {fault.target} is {now} already; run `drill stack up` or mend it first")
    return state


def before(state: ServiceState, stack: Stack) -> Mapping[str, ParamValue]:
    """What undo goes by. Raises InvalidInput for a database that does not say its role: two could come of undo."""
    role = stack.data_roles().get(state.name, "")
    if role == "down":
        raise InvalidInput(f"{state.name} runs but does not say whether it is primary or replica; mend it first")
    return {"running": state.running, "paused": state.any_paused, "instance": state.instance, "role": role}


def blueprint(fault: FaultSpec, stack: Stack) -> Mapping[str, ParamValue]:
    """What a lease seals so that a target can be made again that somebody removes meanwhile; nothing for a process."""
    if "containers" not in stack.capabilities():
        return {}
    return {"blueprint": stack.containers().blueprint(fault.target)}


def present(lease: Lease, stack: Stack) -> ServiceState:
    """The target's state now; one that was removed meanwhile is made again from the lease's blueprint, and started
    unless it is fenced. Raises StackError, with the manual steps, when there is none.
    """
    state = stack.services().get(lease.service)
    if state is None and "blueprint" in lease.sealed:
        start = not superseded_by(lease, stack)
        stack.containers().rebuild(lease.service, str(lease.sealed["blueprint"]), start=start)
        state = stack.services().get(lease.service)
    if state is None:
        raise StackError(f"{lease.service} was removed during the drill; by hand: {'; '.join(lease.manual)}")
    return state


def over(lease: Lease, stack: Stack) -> bool:
    """Whether every replica runs again, paused by nobody; or a failover has taken the target's place: it is fenced."""
    state = stack.services().get(lease.service)
    whole = state is not None and not state.any_paused and (state.running or not lease.before.get("running", True))
    return whole or (state is not None and bool(superseded_by(lease, stack)))


def start_if_down(lease: Lease, stack: Stack) -> None:
    """Start what ran before and does not now, unless it is fenced; a responder may have started it already."""
    wanted = lease.before.get("running", True) and not present(lease, stack).running
    if wanted and not superseded_by(lease, stack):
        stack.start(lease.service)


def superseded_by(lease: Lease, stack: Stack) -> str:
    """The database member that takes the writes instead of the target, a primary when the fault came; else nothing.

    While there is one the target must neither run nor thaw (design, Safety 5): the stack's restore recipe rejoins it.
    Raises StackError while a member that runs does not say its role: it might take writes.
    """
    if lease.before.get("role") != "primary":
        return ""
    services = stack.services()
    others = {name: role for name, role in stack.data_roles().items() if name != lease.service}
    for name, role in others.items():
        if role == "primary":
            return name
    for name, role in others.items():
        state = services.get(name)
        if role == "down" and state is not None and state.any_running and not state.any_paused:
            raise StackError(
                f"{lease.service} was the primary and stays down: {name} runs, but does not say whether it takes "
                f"writes; by hand, once it is certain that it does not: {'; '.join(lease.manual)}"
            )
    return ""


def by_hand(lease: Lease, state: ServiceState, *first: str) -> tuple[str, ...]:
    """Manual steps, in words and commands, to bring every replica back; ``first`` come before the start."""
    caution = "If another database member takes writes by now, do not: run `drill stack restore` instead."
    cautions = (caution,) if lease.before.get("role") == "primary" else ()
    if lease.stack.kind == "compose":
        again = f"`docker-compose -p {lease.stack.project} up -d {lease.service}` with the stack's Compose file"
        return (*cautions, *first, f"Start the container: `docker start {short(state)}`", f"If it was removed: {again}")
    steps = f"Start what does not run, {lease.service} among it: `drill stack up --stack {lease.stack.kind}`"
    return (*cautions, *first, steps)


def short(state: ServiceState) -> str:
    """The instances of all replicas, as the command line takes them."""
    return " ".join(instance[:12] for instance in state.replicas)


class Down:
    """What faults share after which the service does not run: seen down, undone by a start."""

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether no replica runs."""
        state = stack.services().get(lease.service)
        return state is None or not state.any_running

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Start what is down, unless it is fenced."""
        start_if_down(lease, stack)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether every replica runs, unpaused; or it is fenced."""
        return over(lease, stack)
