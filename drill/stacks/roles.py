"""What the services that drill.yaml gives a role add to a stack."""

from __future__ import annotations

from collections.abc import Sequence

from drill.errors import InvalidInput
from drill.model.config import ServiceSpec
from drill.ports import Proxies, Stack

_PORT = "api"


def role_capabilities(specs: Sequence[ServiceSpec]) -> frozenset[str]:
    """``flags`` when a service has some, and the roles that services have."""
    flags = {"flags" for spec in specs if spec.flags}
    return frozenset(flags | {spec.role for spec in specs if spec.role})


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
