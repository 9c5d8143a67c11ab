"""What the faults of this family share: a proxy that is open, and one toxic of the lease's own on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from drill.errors import InvalidInput
from drill.model.lease import Lease, Moment
from drill.model.proxies import ProxyState, ToxicState
from drill.model.scenario import FaultSpec, ParamValue
from drill.model.units import parse_seconds
from drill.ports import Proxies, Stack

PROXY_PARAM = "Name of the proxy on the target, for example payments."
SETTLE_S = 2.0
"""A call of a harness that died ends within this: the server acts at once."""


def check_params(fault: FaultSpec, known: Iterable[str]) -> None:
    """Raises InvalidInput for a parameter that the fault kind does not have."""
    names = sorted(known)
    for name in fault.params:
        if name not in names:
            raise InvalidInput(f"fault {fault.id}: {fault.kind} has no parameter {name!r}; it has {', '.join(names)}")


def open_proxy(fault: FaultSpec, stack: Stack) -> ProxyState:
    """The proxy that is meant. Raises InvalidInput when it is absent or closed: the fault would prove nothing."""
    wanted = fault.params.get("proxy")
    state = stack.services().get(fault.target)
    if state is None or not state.running or state.paused:
        raise InvalidInput(f"fault {fault.id}: {fault.target} does not run; run `drill stack up` or mend it first")
    found = stack.proxies(fault.target).all()
    if not isinstance(wanted, str) or wanted not in found:
        known = ", ".join(sorted(found)) or "none"
        raise InvalidInput(f"fault {fault.id}: proxy {wanted!r} is not on {fault.target}; there are {known}")
    if not found[wanted].enabled:
        raise InvalidInput(f"fault {fault.id}: proxy {wanted} is disabled already; enable it first")
    return found[wanted]


def complete(draft: Lease, stack: Stack, params: Mapping[str, ParamValue], steps: tuple[str, ...]) -> Lease:
    """The draft with its parameters, the proxy's name among them, and its steps by hand."""
    instance = stack.services()[draft.service].instance
    return replace(draft, instance=instance, params=params, settle_s=SETTLE_S, manual=steps)


def url(draft: Lease, stack: Stack, proxy: str) -> str:
    """The proxy in the API, for a step by hand."""
    host, port = stack.address(draft.service, "api")
    return f"http://{host}:{port}/proxies/{proxy}"


def reachable(lease: Lease, stack: Stack) -> Proxies | None:
    """The server's proxies; None when it does not run: what it held (it keeps nothing on disk) has gone with it."""
    state = stack.services().get(lease.service)
    return stack.proxies(lease.service) if state is not None and state.running else None


def proxy_now(lease: Lease, stack: Stack) -> ProxyState | None:
    """The lease's proxy; None when it, or the server, has gone."""
    proxies = reachable(lease, stack)
    return proxies.all().get(str(lease.params["proxy"])) if proxies is not None else None


def whole_number(fault: FaultSpec, name: str, default: int, least: int, most: int) -> int:
    """A parameter that is a whole number. Raises InvalidInput."""
    value = fault.params.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"fault {fault.id}: {name} {value!r} is no whole number from {least} to {most}")
    return value


def word(fault: FaultSpec, name: str, default: str = "") -> str:
    """A parameter that is text. Raises InvalidInput."""
    value = fault.params.get(name, default)
    if not isinstance(value, str):
        raise InvalidInput(f"fault {fault.id}: {name} {value!r} is no text; put it in quotes")
    return value


def milliseconds(fault: FaultSpec, name: str, default: int, most: int) -> int:
    """A parameter that is a duration such as 300ms or 2s, or whole milliseconds. Raises InvalidInput."""
    value = fault.params.get(name, default)
    try:
        found = round(parse_seconds(value) * 1000) if isinstance(value, str) else value
    except ValueError as error:
        raise InvalidInput(f"fault {fault.id}: {name}: {error}") from error
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= most:
        raise InvalidInput(f"fault {fault.id}: {name} {value!r} is not between 0 and {most} ms")
    return found


MATCH_PARAMS = {
    "route": "Prefix of the request path, for example /payments; all requests if left out.",
    "method": "HTTP method; all if left out.",
    "share": "Percent of the requests that match; 100 if left out.",
}


def match_of(fault: FaultSpec) -> dict[str, ParamValue]:
    """The parameters that say which requests are hit. Raises InvalidInput."""
    return {
        "route": word(fault, "route"),
        "method": word(fault, "method"),
        "share": whole_number(fault, "share", 100, 1, 100),
    }


class Toxic:
    """What faults share that add one toxic, named after the lease. Toxics of others are left alone."""

    type = ""
    stream = "upstream"

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Add the toxic."""
        attributes = {
            name: value for name, value in lease.params.items() if name != "proxy" and isinstance(value, int | str)
        }
        toxic = ToxicState(name=toxic_name(lease), type=self.type, stream=self.stream, attributes=attributes)
        return stack.proxies(lease.service).add_toxic(str(lease.params["proxy"]), toxic)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether the toxic is there, on a proxy that is open."""
        proxy = proxy_now(lease, stack)
        return proxy is not None and proxy.enabled and holds(proxy, lease)

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Remove it if it is there."""
        proxies = reachable(lease, stack)
        if proxies is not None:
            proxies.remove_toxic(str(lease.params["proxy"]), toxic_name(lease))

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether it is gone, with its proxy or the whole server perhaps."""
        proxy = proxy_now(lease, stack)
        return proxy is None or not holds(proxy, lease)

    def steps(self, draft: Lease, stack: Stack, proxy: str) -> tuple[str, ...]:
        """How to remove it by hand."""
        there = f"{url(draft, stack, proxy)}/toxics/{toxic_name(draft)}"
        return (f"Remove the toxic: `curl -X DELETE {there}` (404 means that it is gone)",)


def toxic_name(lease: Lease) -> str:
    """A name that is the lease's own and fits into a path."""
    return "drill-" + re.sub(r"[^A-Za-z0-9_-]", "-", lease.id)


def holds(proxy: ProxyState, lease: Lease) -> bool:
    """Whether the lease's toxic is on it."""
    return any(toxic.name == toxic_name(lease) for toxic in proxy.toxics)
