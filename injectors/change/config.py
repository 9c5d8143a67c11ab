"""A bad configuration change: an environment variable of a service has a wrong value, or is missing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from drill.ports.containers import Remake
from injectors.change.remade import Remade, planned, variable_of
from injectors.container.target import check_params, running_target


class Config(Remade):
    """The service is deployed again with the wrong value; undo deploys it as it was."""

    kind = "change.config"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "variable": "Environment variable.",
            "value": "Its wrong value. It is public: for a secret use change.secret.",
            "unset": "true: the variable is missing; instead of a value.",
        }
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a target that does not run, or one that has the value already."""
        check_params(fault, self.params)
        running_target(fault, stack)
        name = variable_of(fault)
        params: dict[str, ParamValue] = {"variable": name, **_wrong(fault)}
        wanted = _value(params)
        if any(one.env.get(name) == wanted for one in stack.containers().made(fault.target)):
            raise InvalidInput(f"fault {fault.id}: {fault.target} has {name} so already; nothing would change")
        return planned(fault, stack, draft, params)

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Recreate the service with it: the moment spans the change-over."""
        change = Remake(env={str(lease.params["variable"]): _value(lease.params)})
        return stack.containers().remake(lease.service, change)

    def _marks(self, lease: Lease, made: Remake) -> bool:
        return made.env.get(str(lease.params["variable"])) == _value(lease.params)


def _wrong(fault: FaultSpec) -> dict[str, ParamValue]:
    unset, value = fault.params.get("unset", False), fault.params.get("value")
    if not isinstance(unset, bool) or unset == (value is not None):
        raise InvalidInput(f"fault {fault.id}: change.config needs `value`, or `unset: true`, and not both")
    if value is None:
        return {"unset": True}
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "\0" in text:
        raise InvalidInput(f"fault {fault.id}: a value of an environment variable cannot hold a NUL")
    return {"value": text}


def _value(params: Mapping[str, ParamValue]) -> str | None:
    return None if params.get("unset") else str(params["value"])
