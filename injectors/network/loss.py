"""Lose packets by chance."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from drill.model.lease import Lease
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.network.selection import DIRECTION_PARAM, SELECTION_PARAMS, rules, selection_of, ways
from injectors.network.target import Kept, percent
from injectors.proxy.params import choice


class Loss(Kept):
    """Each packet is lost with the same chance, apart from all others; with ``both`` on its way there and back.

    A UDP sender inside the target is told of what is lost on the way out (EPERM); a TCP one is not.
    """

    kind = "network.loss"
    params = MappingProxyType(
        {"percent": "Chance that a packet is lost, above 0 and up to 100.", **SELECTION_PARAMS, **DIRECTION_PARAM}
    )
    mechanisms = ("rules", "statistic")
    ramps = frozenset({"percent"})

    def read(self, fault: FaultSpec, stack: Stack) -> dict[str, ParamValue]:
        """Chance, packets, direction."""
        direction = choice(fault, "direction", ("both", "in", "out"))
        return {"percent": percent(fault, "percent"), **selection_of(fault, stack), "direction": direction}

    def order(self, lease: Lease, peers: Sequence[str]) -> dict[str, Any]:
        """Drop by chance."""
        chance = f"{float(lease.params['percent']) / 100:.6f}"
        by_chance = ["DROP", "-m", "statistic", "--mode", "random", "--probability", chance]
        return {"rules": rules(lease.params, peers, ways(lease.params["direction"]), by_chance)}
