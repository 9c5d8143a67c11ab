"""A vendor's quota is used up: requests get 429 and are told when to come again."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.lease import Lease, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.proxy.target import (
    MATCH_PARAMS,
    PROXY_PARAM,
    Toxic,
    check_params,
    complete,
    match_of,
    open_proxy,
    whole_number,
)


class RateLimit(Toxic):
    """The proxy answers requests in the upstream's place; a limit above 0 lets so many a window pass."""

    kind = "proxy.rate-limit"
    type = "http_rate_limit"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"toxiproxy"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "status": "Status of the answer; 429 if left out.",
            "retry_after": "Seconds in its Retry-After header; 1 if left out, 0 for no header.",
            "limit": "Requests that pass each window; 0, none, if left out.",
            "window": "Length of the window, ms; 1000 if left out.",
            **MATCH_PARAMS,
        }
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, or a proxy that is absent or disabled."""
        check_params(fault, self.params)
        proxy = open_proxy(fault, stack).name
        params: dict[str, ParamValue] = {
            "proxy": proxy,
            "status": whole_number(fault, "status", 429, 400, 599),
            "retry_after": whole_number(fault, "retry_after", 1, 0, 86_400),
            "limit": whole_number(fault, "limit", 0, 0, 1_000_000),
            "window": whole_number(fault, "window", 1000, 1, 86_400_000),
            **match_of(fault),
        }
        return complete(draft, stack, params, self.steps(draft, stack, proxy))
