"""A secret was rotated and one service missed it: it goes on with another one than those that it talks to."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from drill.ports.containers import Remake
from injectors.change.remade import Remade, planned, variable_of
from injectors.container.target import check_params, running_target

_BYTES = 24
_VALUE = "value"


class Secret(Remade):
    """The service is deployed again with a random secret, which only the lease's file holds; undo takes it back."""

    kind = "change.secret"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str] = MappingProxyType({"variable": "Environment variable that holds the secret."})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, or a target that does not run or has no such secret."""
        check_params(fault, self.params)
        running_target(fault, stack)
        name = variable_of(fault)
        if not all(one.env.get(name) for one in stack.containers().made(fault.target)):
            raise InvalidInput(f"fault {fault.id}: {fault.target} has no secret in {name}; name a variable that is set")
        lease = planned(fault, stack, draft, {"variable": name})
        return replace(lease, sealed={**lease.sealed, _VALUE: secrets.token_urlsafe(_BYTES)})

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Recreate the service with it: the moment spans the change-over."""
        change = Remake(env={str(lease.params["variable"]): str(lease.sealed[_VALUE])})
        return stack.containers().remake(lease.service, change)

    def _marks(self, lease: Lease, made: Remake) -> bool:
        return made.env.get(str(lease.params["variable"])) == lease.sealed[_VALUE]
