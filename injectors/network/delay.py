"""Delay a target's packets, with jitter and loss if wanted: a slow or far network."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.network.order import mark
from injectors.network.selection import SELECTION_PARAMS, rules, selection_of
from injectors.network.target import MECHANISMS, Kept, percent
from injectors.proxy.params import milliseconds, some_milliseconds

_MOST_MS = 60_000


class Delay(Kept):
    """Every packet of one direction is held for the delay, more or less the jitter (evenly spread), or is lost: each
    round trip takes that much longer.

    The kernel's netem does it to what leaves, where there is one and all packets are meant; else the keeper itself to
    what arrives, which the kernel hands to it (NFQUEUE): if it ends, packets pass.
    """

    kind = "network.delay"
    params = MappingProxyType(
        {
            "delay": "How long each packet is held, for example 200ms.",
            "jitter": "How much more or less, not above the delay; none if left out.",
            "loss": "Chance that a packet is lost, in percent; none if left out.",
            **SELECTION_PARAMS,
        }
    )
    ramps = frozenset({"delay"})

    def read(self, fault: FaultSpec, stack: Stack) -> dict[str, ParamValue]:
        """Delay and jitter in milliseconds, loss in percent, packets."""
        delay = some_milliseconds(fault, "delay", "nothing would be delayed")
        jitter = milliseconds(fault, "jitter", 0, delay)
        if delay > _MOST_MS:
            raise InvalidInput(f"fault {fault.id}: delay {delay} ms is above {_MOST_MS} ms; use network.drop")
        loss = percent(fault, "loss", default=0.0)
        return {"delay": delay, "jitter": jitter, "loss": loss, **selection_of(fault, stack)}

    def choose(self, fault: FaultSpec, params: Mapping[str, ParamValue], found: Mapping[str, bool]) -> str:
        """netem for all packets, else NFQUEUE."""
        all_packets = not params["peer"] and not params["port"] and params["protocol"] == "all"
        if all_packets and found["netem"]:
            return "netem"
        if found["queue"]:
            return "nfqueue"
        wanted = f"{MECHANISMS['netem']} or {MECHANISMS['queue']}" if all_packets else MECHANISMS["queue"]
        raise InvalidInput(
            f"fault {fault.id}: {self.kind} needs {wanted}, which this machine's kernel does not have; "
            "use proxy.latency"
        )

    def order(self, lease: Lease, peers: Sequence[str]) -> dict[str, Any]:
        """A discipline for netem, or a queue with the rules that fill it."""
        delay, jitter, loss = (lease.params[name] for name in ("delay", "jitter", "loss"))
        if lease.params["back_end"] == "netem":
            return {"discipline": ["netem", "delay", f"{delay}ms", f"{jitter}ms", "loss", f"{loss}%"]}
        number = zlib.crc32(mark(lease).encode()) % 65535 + 1
        decision = ["NFQUEUE", "--queue-num", str(number), "--queue-bypass"]
        return {
            "queue": {"number": number, "delay": delay, "jitter": jitter, "loss": loss},
            # On its way out a packet that is held counts as not yet sent, and its connection would all but stop.
            "rules": rules(lease.params, peers, ("in",), decision),
        }
