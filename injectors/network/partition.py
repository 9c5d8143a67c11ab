"""Cut a service off from another: no packet passes between them, either way, and nobody is told."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.network.selection import peer_of, rules
from injectors.network.target import Kept


class Partition(Kept):
    """Every address of every replica of the peer is unreachable from the target, and the target from there."""

    kind = "network.partition"
    params = MappingProxyType({"peer": "The service that the target is cut off from."})
    mechanisms = ("rules",)

    def read(self, fault: FaultSpec, stack: Stack) -> dict[str, ParamValue]:
        """The peer."""
        peer = peer_of(fault, stack)
        if not peer:
            raise InvalidInput(f"fault {fault.id}: {self.kind} needs the parameter `peer`, another service")
        return {"peer": peer}

    def order(self, lease: Lease, peers: Sequence[str]) -> dict[str, Any]:
        """Drop both ways."""
        return {"rules": rules(lease.params, peers, ("in", "out"), ["DROP"])}
