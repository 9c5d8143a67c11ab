"""What a fault hits, resolved when it comes: a role becomes the service that has it, `one` a replica by the seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from drill.errors import Refused
from drill.model.lease import Lease
from drill.model.scenario import ROLE, FaultSpec
from drill.ports import Stack


def aimed(fault: FaultSpec, stack: Stack, seed: int) -> tuple[FaultSpec, int]:
    """The fault with a service as its target, and the number of the replica; 0 is all of them.

    Raises Refused when no member has the role now, or several have.
    """
    target = replace(fault, target=_member(fault, stack)) if fault.target.startswith(ROLE) else fault
    return target, _replica(target, stack, seed)


def within_reach(fault: FaultSpec, stack: Stack) -> Sequence[str]:
    """Every service that it might hit: each database member, where the target is a role."""
    if not fault.target.startswith(ROLE):
        return [fault.target]
    return [spec.name for spec in stack.specs() if spec.role == "postgresql"]


def stack_for(lease: Lease, stack: Stack) -> Stack:
    """The stack as the lease's fault sees it: with the replica that it hits alone."""
    return stack.replica(lease.service, lease.replica) if lease.replica else stack


def _member(fault: FaultSpec, stack: Stack) -> str:
    role = fault.target.removeprefix(ROLE)
    roles = stack.data_roles()
    found = [name for name, has in roles.items() if has == role]
    if len(found) != 1:
        now = ", ".join(f"{name} is {has}" for name, has in sorted(roles.items())) or "the stack has no database member"
        raise Refused(f"fault {fault.id}: not one member is the {role} now ({now}); mend the stack first")
    return found[0]


def _replica(fault: FaultSpec, stack: Stack, seed: int) -> int:
    if fault.replicas == "all":
        return 0
    numbers = stack.replica_numbers(fault.target)
    return random.Random(f"{seed}:{fault.id}").choice(numbers)  # noqa: S311  # a draw that can be repeated, no secret
