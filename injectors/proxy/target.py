"""What the faults of this family share: a proxy that is open, and one toxic of the lease's own on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from drill.errors import ActionFailed, InvalidInput, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.proxies import ProxyState, ToxicState
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.proxy.params import check_params

SETTLE_S = 2.0
"""A call of a harness that died ends within this: the server acts at once."""
_NO_ATTRIBUTES = ("proxy", "stream", "toxicity")


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
    """The draft with its parameters, the server's life so far, and its steps by hand."""
    state = stack.services()[draft.service]
    before: dict[str, ParamValue] = {} if state.pid is None else {"pid": state.pid}
    return replace(draft, instance=state.instance, before=before, params=params, settle_s=SETTLE_S, manual=steps)


def url(draft: Lease, stack: Stack, proxy: str) -> str:
    """The proxy in the API, for a step by hand."""
    host, port = stack.address(draft.service, "api")
    return f"http://{host}:{port}/proxies/{proxy}"


def check_same_server(lease: Lease, stack: Stack) -> None:
    """Raises ActionFailed when the server was started again since the plan.

    Nothing is ever applied to another server than the lease's: so one that was started since holds nothing of it.
    """
    if not _same_server(lease, stack):
        raise ActionFailed(f"{lease.service} was restarted while the fault was planned; run the drill again")


def proxies_now(lease: Lease, stack: Stack) -> Mapping[str, ProxyState]:
    """Every proxy; none when the server does not run, or is another that is just coming up: what it held was in memory.

    Raises StackError when the server that the fault was planned for does not answer.
    """
    state = stack.services().get(lease.service)
    if state is None or not state.running:
        return {}
    try:
        return stack.proxies(lease.service).all()
    except StackError:
        if _same_server(lease, stack):
            raise
        return {}


def _same_server(lease: Lease, stack: Stack) -> bool:
    state = stack.services().get(lease.service)
    if state is None:
        return False
    return (state.instance, state.pid) == (lease.instance, lease.before.get("pid", state.pid))


class Toxic:
    """What faults share that add one toxic, named after the lease. Toxics of others are left alone."""

    kind = ""
    type = ""
    strength: tuple[str, ...] = ()
    """Attributes of the toxic; with one of them 0 it does nothing."""
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"toxiproxy"})
    params: Mapping[str, str] = {}

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """The toxic's attributes, and what of the traffic is hit. Raises InvalidInput for a bad parameter."""
        raise NotImplementedError

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, or a proxy that is absent or disabled."""
        check_params(fault, self.params)
        attributes = self.attributes(fault)
        proxy = open_proxy(fault, stack).name
        there = f"{url(draft, stack, proxy)}/toxics/{toxic_name(draft)}"
        steps = (f"Remove the toxic: `curl -X DELETE {there}` (404 means that it is gone)",)
        return complete(draft, stack, {"proxy": proxy, **attributes}, steps)

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Add the toxic. Raises ActionFailed when the server was restarted since the plan."""
        check_same_server(lease, stack)
        return stack.proxies(lease.service).add_toxic(str(lease.params["proxy"]), self.wanted(lease))

    def wanted(self, lease: Lease) -> ToxicState:
        """The toxic that the lease describes."""
        values = lease.params.items()
        return ToxicState(
            name=toxic_name(lease),
            type=self.type,
            # An HTTP toxic acts on whole exchanges, whatever its stream.
            stream=str(lease.params.get("stream", "upstream")),
            toxicity=float(lease.params["toxicity"]),
            attributes={name: value for name, value in values if _is_attribute(name) and isinstance(value, int | str)},
        )

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether the toxic is there, on a proxy that is open, and nobody has set its strength to 0."""
        return any(proxy.enabled and self._acts(toxic) for proxy, toxic in _held(lease, stack))

    def _acts(self, toxic: ToxicState) -> bool:
        return toxic.toxicity > 0 and all(toxic.attributes.get(name) for name in self.strength)

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Remove it, wherever it is now."""
        for proxy, toxic in _held(lease, stack):
            stack.proxies(lease.service).remove_toxic(proxy.name, toxic.name)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether it is on no proxy; the whole server may be gone, or be another."""
        return not any(_held(lease, stack))


class Growing(Toxic):
    """A toxic with numbers that can grow."""

    ramps: frozenset[str] = frozenset()

    def adjust(self, lease: Lease, stack: Stack) -> None:
        """Give the toxic the lease's numbers; one that somebody removed stays away. Raises StackError then."""
        stack.proxies(lease.service).update_toxic(str(lease.params["proxy"]), self.wanted(lease))


def toxic_name(lease: Lease) -> str:
    """A name that is the lease's own and fits into a path."""
    return "drill-" + re.sub(r"[^A-Za-z0-9_-]", "-", lease.id)


def _is_attribute(name: str) -> bool:
    return name not in _NO_ATTRIBUTES


def _held(lease: Lease, stack: Stack) -> Iterator[tuple[ProxyState, ToxicState]]:
    """The lease's toxic and where it is: a proxy that is made again under another name may carry it along."""
    for proxy in proxies_now(lease, stack).values():
        yield from ((proxy, toxic) for toxic in proxy.toxics if toxic.name == toxic_name(lease))
