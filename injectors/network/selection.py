"""Which packets a fault is about: to and from a peer, of a port, of a protocol. Loopback is never among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drill.errors import InvalidInput
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.proxy.params import choice, whole_number, word

Params = Mapping[str, ParamValue]

PEER_PARAM = {"peer": "Another service of the stack: only packets from and to it; all if left out."}
SELECTION_PARAMS = {
    **PEER_PARAM,
    "port": "TCP or UDP port; all if left out.",
    "protocol": "tcp or udp; with a port tcp if left out, else all.",
}
DIRECTION_PARAM = {"direction": "in: what arrives; out: what leaves; both if left out."}


def selection_of(fault: FaultSpec, stack: Stack) -> dict[str, ParamValue]:
    """The parameters that say which packets are hit; 0 and empty for all. Raises InvalidInput."""
    port = whole_number(fault, "port", 0, 0, 65535)
    protocol = choice(fault, "protocol", ("tcp", "udp") if port else ("all", "tcp", "udp"))
    return {"peer": peer_of(fault, stack), "port": port, "protocol": protocol}


def peer_of(fault: FaultSpec, stack: Stack) -> str:
    """The peer, empty for none. Raises InvalidInput for one that is the target itself, is not there or does not run."""
    peer = word(fault, "peer")
    if not peer:
        return ""
    if peer == fault.target:
        raise InvalidInput(f"fault {fault.id}: peer {peer} is the target itself; name another service")
    state = stack.services().get(peer)
    if state is None or not state.any_running:
        raise InvalidInput(f"fault {fault.id}: peer {peer!r} does not run in this stack; run `drill stack up`")
    return peer


def rules(params: Params, peers: Sequence[str], ways: Iterable[str], decision: Sequence[str]) -> list[dict[str, Any]]:
    """One rule for each way (``in``, ``out``) and peer address, as the helper takes them. A port counts at either
    end."""
    ports = ["-m", "multiport", "--ports", str(params["port"])] if params.get("port") else []
    return [
        rule(family, way, [*where, *_protocol(params), *ports], decision)
        for way in ways
        for family, where in _ends(way, peers)
    ]


def requests(params: Params, peers: Sequence[str], way: str, decision: Sequence[str]) -> list[dict[str, Any]]:
    """As ``rules``, but a port is only the one that a request goes to: of the target for ``in``."""
    port = ["--dport", str(params["port"])] if params.get("port") else []
    return [rule(family, way, [*where, *_protocol(params), *port], decision) for family, where in _ends(way, peers)]


def rule(family: int, way: str, match: Sequence[str], decision: Sequence[str]) -> dict[str, Any]:
    """One rule of the filter table."""
    chain = {"in": "INPUT", "out": "OUTPUT"}[way]
    return {"family": family, "table": "filter", "chain": chain, "args": [*match, "-j", *decision]}


def ways(direction: ParamValue) -> tuple[str, ...]:
    """``both`` is in and out."""
    return ("in", "out") if direction == "both" else (str(direction),)


def _protocol(params: Params) -> list[str]:
    protocol = str(params.get("protocol", "all"))
    return [] if protocol == "all" else ["-p", protocol]


def _ends(way: str, peers: Sequence[str]) -> list[tuple[int, list[str]]]:
    """Family and match of the far ends: any but loopback, or each peer's address."""
    device = ["!", "-i" if way == "in" else "-o", "lo"]
    flag = "-s" if way == "in" else "-d"
    if not peers:
        return [(0, device)]
    return [(6 if ":" in address else 4, [*device, flag, address]) for address in peers]
