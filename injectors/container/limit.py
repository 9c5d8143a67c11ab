"""What the faults share that lower one resource limit: set on every replica, known by its value, put back.

The value says whose a limit is: a responder who sets another one, or a container made anew from its Compose file, has
another value and is left alone; a deployment that copies the limit into the new container has copied the fault.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from drill.errors import InvalidInput, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import ServiceState, Stack
from drill.ports.containers import Limits
from injectors.container.replicas import each, spanning
from injectors.container.target import blueprint, present, running_target

Resource = Literal["cpus", "memory", "pids"]
SETTLE_S = 2.0
"""A call of a harness that died ends within this: an update takes milliseconds."""
_PAGE = 4096


def lowered(limits: Limits, resource: Resource, value: float) -> Limits:
    """Alike but for one limit."""
    if resource == "cpus":
        return replace(limits, cpus=value)
    return replace(limits, memory=int(value)) if resource == "memory" else replace(limits, pids=int(value))


def value_of(limits: Limits, resource: Resource) -> float:
    """One of the limits."""
    found: float = getattr(limits, resource)
    return found


def same(resource: Resource, one: float, other: float) -> bool:
    """As near as the kernel keeps it: whole pages of memory, a quota in whole microseconds."""
    if resource == "memory":
        return abs(one - other) < _PAGE
    return math.isclose(one, other, abs_tol=0.0001)


def by_number(stack: Stack, service: str) -> dict[int, Limits]:
    """The limits of each replica that there is, by its number; empty for a removed service."""
    if service not in stack.services():
        return {}
    numbers, found = stack.replica_numbers(service), stack.containers().limits(service)
    if len(numbers) != len(found):
        raise StackError(f"replicas of {service} come and go just now; try again")
    return dict(zip(numbers, found, strict=True))


def kept(limits: Mapping[int, Limits], resource: Resource) -> dict[str, ParamValue]:
    """What undo needs: the limit of each replica before, by number; 0 is none."""
    return {f"{resource}_{number}": value_of(one, resource) for number, one in limits.items()}


def tightened(fault: FaultSpec, stack: Stack, resource: Resource, value: float) -> dict[str, ParamValue]:
    """The limits from before. Raises InvalidInput where one is as tight already: nothing would change."""
    found = by_number(stack, fault.target)
    for number, limits in found.items():
        now = value_of(limits, resource)
        if now and (now < value or same(resource, now, value)):
            raise InvalidInput(
                f"fault {fault.id}: replica {number} of {fault.target} has a limit of {now:g} {resource} already, "
                f"no more than {value:g}; choose a lower one"
            )
    return kept(found, resource)


def squeeze(lease: Lease, stack: Stack, resource: Resource, value: float) -> Moment:
    """Set the limit on every replica, each keeping its other limits."""
    found = by_number(stack, lease.service)
    return _lay(lease.service, stack, {number: lowered(one, resource, value) for number, one in found.items()})


def held(lease: Lease, stack: Stack, resource: Resource, value: float) -> Sequence[int]:
    """Numbers of the replicas that have the fault's limit now, running or not."""
    found = by_number(stack, lease.service)
    return [number for number, one in found.items() if same(resource, value_of(one, resource), value)]


def release(lease: Lease, stack: Stack, resource: Resource, value: float) -> None:
    """Where the fault's limit still holds, put back what that replica had; one that is new gets what the first had."""
    found = by_number(stack, lease.service)
    known = [float(was) for name, was in lease.before.items() if name.startswith(f"{resource}_")]
    wanted = {
        number: lowered(limits, resource, float(lease.before.get(f"{resource}_{number}", known[0])))
        for number, limits in found.items()
        if same(resource, value_of(limits, resource), value)
    }
    if wanted:
        _lay(lease.service, stack, wanted)


def _lay(service: str, stack: Stack, wanted: Mapping[int, Limits]) -> Moment:
    """Give each replica its limits; in one call where all get the same."""
    if len(set(wanted.values())) == 1 and set(wanted) == set(stack.replica_numbers(service)):
        return stack.containers().set_limits(service, next(iter(wanted.values())))
    views = each(stack, service)
    if not set(wanted) <= set(views):
        raise StackError(f"replicas of {service} come and go just now; try again")
    return spanning([views[number].containers().set_limits(service, limits) for number, limits in wanted.items()])


class Limit:
    """One resource is limited to a value until undo. Subclasses say which, and read the value in ``plan``."""

    resource: Resource
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})

    def prepared(self, fault: FaultSpec, stack: Stack, draft: Lease, value: float) -> Lease:
        """The lease for this value. Raises InvalidInput for a target that does not run or has as tight a limit."""
        state = running_target(fault, stack)
        before = tightened(fault, stack, self.resource, value)
        params: dict[str, ParamValue] = {self.resource: value}
        manual = by_hand(self.resource, before, state)
        return replace(
            draft,
            instance=state.instance,
            before=before,
            params=params,
            sealed=blueprint(fault, stack),
            settle_s=SETTLE_S,
            manual=manual,
        )

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Set it."""
        return squeeze(lease, stack, self.resource, self._value(lease))

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether a replica that runs is held to it, by the kernel's word where this machine shows it."""
        lives = stack.containers().lifelines(lease.service)
        found = by_number(stack, lease.service).values()
        ours = [same(self.resource, value_of(one, self.resource), self._value(lease)) for one in found]
        return any(life.running and hit for life, hit in zip(lives, ours, strict=False))

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Put back the limits from before where the fault's still holds, whether the replica runs or not."""
        present(lease, stack)
        release(lease, stack, self.resource, self._value(lease))

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether no replica has the fault's limit, on record or in the kernel."""
        return lease.service in stack.services() and not held(lease, stack, self.resource, self._value(lease))

    def _value(self, lease: Lease) -> float:
        return float(lease.params[self.resource])


def by_hand(resource: Resource, before: Mapping[str, ParamValue], state: ServiceState) -> tuple[str, ...]:
    """The commands that put the limits back, one for each replica. ``before``: what ``kept`` gave, and nothing else."""
    values = zip(state.replicas, before.values(), strict=True)
    return tuple(f"Put the limit back: `{_update(resource, float(value), one[:12])}`" for one, value in values)


def _update(resource: Resource, value: float, container: str) -> str:
    if resource == "pids":
        return f"docker update --pids-limit {value or -1:g} {container}"
    if resource == "memory":
        total = f"{value:.0f}" if value else "$(docker info -f '{{.MemTotal}}')"
        return f"docker update --memory {total} --memory-swap {total} {container}"
    if not value:
        return f"docker update --cpu-quota -1 {container}"
    # The engine takes one of the two, by how the container has its limit.
    quota = f"docker update --cpu-period 100000 --cpu-quota {value * 100_000:.0f} {container}"
    return f"docker update --cpus {value:g} {container} || {quota}"
