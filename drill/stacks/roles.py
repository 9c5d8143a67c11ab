"""What the services that drill.yaml gives a role add to a stack."""

from __future__ import annotations

from collections.abc import Sequence

from drill.errors import InvalidInput, StackError
from drill.model.config import ServiceSpec
from drill.ports import Proxies, Stack

_PORT = "api"
_QUERY_S = 5.0
_ROLE_QUERY = 'psql -XtAq -U "${POSTGRES_USER:-postgres}" -d "${POSTGRES_DB:-postgres}" -c "select pg_is_in_recovery()"'


def role_capabilities(specs: Sequence[ServiceSpec]) -> frozenset[str]:
    """``flags`` when a service has some, and the roles that services have."""
    flags = {"flags" for spec in specs if spec.flags}
    return frozenset(flags | {spec.role for spec in specs if spec.role})


def role_of(stack: Stack, service: str) -> str:
    """What a database member says of itself: ``primary`` or ``replica``; ``down`` when it does not say."""
    try:
        answer = stack.exec(service, ["sh", "-c", _ROLE_QUERY], timeout_s=_QUERY_S)
    except StackError:
        return "down"
    return {"f": "primary", "t": "replica"}.get(answer.output.strip(), "down")


def proxies_of(stack: Stack, service: str) -> Proxies:
    """A client of the service's Toxiproxy API; it looks the address up each time, for a restart may move it.

    Raises InvalidInput when the service has another role.
    """
    spec = next((spec for spec in stack.specs() if spec.name == service), None)
    if spec is None or spec.role != "toxiproxy":
        known = ", ".join(spec.name for spec in stack.specs() if spec.role == "toxiproxy") or "none"
        raise InvalidInput(f"service {service!r} has not the role toxiproxy in drill.yaml; of that role: {known}")
    from drill.proxies import ToxiproxyClient

    return ToxiproxyClient(lambda: stack.address(service, _PORT))
