"""A dependency is slow: its answers come late."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.lease import Lease, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.proxy.target import PROXY_PARAM, Toxic, check_params, complete, milliseconds, open_proxy

_MOST_MS = 600_000


class Latency(Toxic):
    """What the upstream sends is delayed on the way to the client; no byte is lost."""

    kind = "proxy.latency"
    type = "latency"
    stream = "downstream"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"toxiproxy"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "latency": "Milliseconds, or a duration such as 2s; required.",
            "jitter": "Milliseconds, or a duration, by which the latency varies up and down; 0 if left out.",
        }
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, no latency, or a proxy that is absent or disabled."""
        check_params(fault, self.params)
        latency = milliseconds(fault, "latency", 0, _MOST_MS)
        if latency == 0:
            raise InvalidInput(f"fault {fault.id}: latency is missing or 0: nothing would be slow; write 2s, say")
        proxy = open_proxy(fault, stack).name
        params: dict[str, ParamValue] = {
            "proxy": proxy,
            "latency": latency,
            "jitter": milliseconds(fault, "jitter", 0, _MOST_MS),
        }
        return complete(draft, stack, params, self.steps(draft, stack, proxy))
