"""A vendor's quota is used up: requests get 429 and are told when to come again."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.scenario import FaultSpec, ParamValue
from injectors.proxy.params import MATCH_PARAMS, PROXY_PARAM, match_of, whole_number
from injectors.proxy.target import Growing


class RateLimit(Growing):
    """The proxy answers requests in the upstream's place; a limit above 0 lets so many a window pass."""

    kind = "proxy.rate-limit"
    type = "http_rate_limit"
    strength = ("share",)
    ramps = frozenset({"share"})
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

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """Raises InvalidInput for one that makes no sense."""
        return {
            "status": whole_number(fault, "status", 429, 400, 599),
            "retry_after": whole_number(fault, "retry_after", 1, 0, 86_400),
            "limit": whole_number(fault, "limit", 0, 0, 1_000_000),
            "window": whole_number(fault, "window", 1000, 1, 86_400_000),
            **match_of(fault),
        }
