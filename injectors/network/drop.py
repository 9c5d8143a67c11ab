"""Drop requests to a port or from a peer, as a firewall does that tells nobody: callers wait until they time out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.network.selection import SELECTION_PARAMS, requests, selection_of
from injectors.network.target import Kept
from injectors.proxy.params import choice

REQUEST_PARAMS: Mapping[str, str] = MappingProxyType(
    {
        **SELECTION_PARAMS,
        "direction": "in: requests to the target, port is its own (if left out); out: requests of the target.",
    }
)


class Drop(Kept):
    """The packets of the requests are dropped in the target's network, established connections among them."""

    kind = "network.drop"
    params = REQUEST_PARAMS
    mechanisms: tuple[str, ...] = ("rules",)

    def read(self, fault: FaultSpec, stack: Stack) -> dict[str, ParamValue]:
        """Raises InvalidInput when neither port nor peer says what is meant."""
        found = selection_of(fault, stack) | {"direction": choice(fault, "direction", ("in", "out"))}
        if not found["port"] and not found["peer"]:
            raise InvalidInput(f"fault {fault.id}: {self.kind} needs a `port`, a `peer` or both")
        return found

    def order(self, lease: Lease, peers: Sequence[str]) -> dict[str, Any]:
        """Drop."""
        return {"rules": requests(lease.params, peers, str(lease.params["direction"]), ["DROP"])}
