"""What faults of a data store share: a target of the right role, and names that come from a scenario."""

from __future__ import annotations

import re
from collections.abc import Iterable

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.ports import ServiceState, Stack
from injectors.container.target import check_params, running_target

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?")


def mark(lease: Lease) -> str:
    """The lease's own name for sessions and processes. It tells nothing of the fault."""
    return "drill-" + re.sub(r"[^A-Za-z0-9-]", "-", lease.id)


def of_role(stack: Stack, role: str) -> list[str]:
    """The services that drill.yaml gives this role."""
    return [spec.name for spec in stack.specs() if spec.role == role]


def store_of(fault: FaultSpec, stack: Stack, role: str, known: Iterable[str]) -> ServiceState:
    """The state of a target of this role. Raises InvalidInput for another service, one that does not run, or an unknown
    parameter."""
    check_params(fault, known)
    state = running_target(fault, stack)
    if fault.target not in of_role(stack, role):
        known_names = ", ".join(of_role(stack, role)) or "none"
        raise InvalidInput(
            f"fault {fault.id}: {fault.target} has not the role {role} in drill.yaml; of that role: {known_names}"
        )
    return state


def member_of(fault: FaultSpec, stack: Stack, data_role: str, known: Iterable[str]) -> ServiceState:
    """As ``store_of``, for a PostgreSQL member that is the ``primary`` or a ``replica`` now."""
    state = store_of(fault, stack, "postgresql", known)
    now = stack.data_roles().get(fault.target, "down")
    if now != data_role:
        raise InvalidInput(
            f"fault {fault.id}: {fault.target} is {now}, and {fault.kind} needs a {data_role}; "
            f"write the target role:{data_role}"
        )
    return state


def name_of(fault: FaultSpec, name: str) -> str:
    """A required parameter that is the name of a database. Raises InvalidInput."""
    return _matching(fault, name, _NAME)


def table_of(fault: FaultSpec) -> tuple[str, str]:
    """Schema and table of the required parameter ``table``. Raises InvalidInput."""
    schema, _, table = _matching(fault, "table", _TABLE).rpartition(".")
    return schema or "public", table


def _matching(fault: FaultSpec, name: str, pattern: re.Pattern[str]) -> str:
    value = fault.params.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidInput(
            f"fault {fault.id}: {name} {value!r} is no plain name; write letters, digits and underscores"
        )
    return value
