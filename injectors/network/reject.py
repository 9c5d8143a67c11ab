"""Refuse requests to a port or from a peer, as if nothing listened there: callers fail at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drill.model.lease import Lease
from injectors.network.drop import Drop
from injectors.network.selection import requests

_RESET = ["REJECT", "--reject-with", "tcp-reset"]


class Reject(Drop):
    """TCP gets a reset, established connections too; everything else the answer that the port is unreachable."""

    kind = "network.reject"
    mechanisms = ("rules", "reject")

    def order(self, lease: Lease, peers: Sequence[str]) -> dict[str, Any]:
        """Refuse each protocol in its own way."""
        way, protocol = str(lease.params["direction"]), lease.params["protocol"]
        resets = requests({**lease.params, "protocol": "tcp"}, peers, way, _RESET)
        others = requests(lease.params, peers, way, ["REJECT"])
        return {"rules": {"tcp": resets, "udp": others, "all": resets + others}[str(protocol)]}
