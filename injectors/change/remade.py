"""What faults share that recreate a service's containers with a change: the way back is their blueprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from drill.ports.containers import Remake
from injectors.container.target import before, running_target, superseded_by

SETTLE_S = 7.0
"""A change whose caller has died goes on inside the engine with one call: at most a stop, 5 s, and its answer."""
BLUEPRINT = "blueprint"


def planned(fault: FaultSpec, stack: Stack, draft: Lease, params: Mapping[str, ParamValue]) -> Lease:
    """The draft with what undo needs. Raises InvalidInput for a target that does not run."""
    state = running_target(fault, stack)
    found = {**before(state, stack), "replicas": len(state.replicas)}
    sealed = {BLUEPRINT: stack.containers().blueprint(fault.target)}
    lease = replace(
        draft, instance=state.instance, before=found, params=params, sealed=sealed, settle_s=SETTLE_S, manual=()
    )
    return replace(lease, manual=_by_hand(lease))


def _by_hand(lease: Lease) -> tuple[str, ...]:
    project = lease.stack.project
    labels = f"label=com.docker.compose.project={project} --filter label=com.docker.compose.service={lease.service}"
    caution = "If another database member takes writes by now, do not: run `drill stack restore` instead."
    return (
        *((caution,) if lease.before.get("role") == "primary" else ()),
        f"Remove its containers, those set aside too: `docker rm -f $(docker ps -aq --filter {labels})`",
        f"Make them anew: `docker-compose -p {project} up -d {lease.service}` with the stack's Compose file",
    )


def variable_of(fault: FaultSpec) -> str:
    """The parameter ``variable``. Raises InvalidInput."""
    name = fault.params.get("variable")
    if not isinstance(name, str) or not name or "=" in name or "\0" in name:
        raise InvalidInput(f"fault {fault.id}: variable {name!r} is no name; write that of an environment variable")
    return name


def rebuild(lease: Lease, stack: Stack) -> None:
    """As the blueprint has it; a database that was the primary and has a successor is made, and not started."""
    fenced = bool(superseded_by(lease, stack))
    stack.containers().rebuild(lease.service, str(lease.sealed[BLUEPRINT]), start=not fenced)


def whole(lease: Lease, stack: Stack) -> bool:
    """Whether as many replicas as before are there and run; or, of a fenced database, are there."""
    state = stack.services().get(lease.service)
    if state is None or len(state.replicas) < int(lease.before["replicas"]):
        return False
    return state.running or bool(superseded_by(lease, stack))


class Remade:
    """The fault is what the containers are made with: ``_marks`` tells one that has it."""

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether a replica is made so."""
        return self._marked(lease, stack)

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Make the containers as they were, unless a responder did so, or made others without the fault."""
        if not self.undone(lease, stack):
            rebuild(lease, stack)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether no container is made so, one that was set aside neither, and all replicas run; or it is fenced."""
        return not self._marked(lease, stack) and whole(lease, stack)

    def _marked(self, lease: Lease, stack: Stack) -> bool:
        return any(self._marks(lease, one) for one in stack.containers().made(lease.service))

    def _marks(self, lease: Lease, made: Remake) -> bool:
        raise NotImplementedError
