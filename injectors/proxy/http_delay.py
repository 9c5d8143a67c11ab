"""Some requests to a dependency are slow: those of a route, a method, or a share of all."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.scenario import FaultSpec, ParamValue
from injectors.proxy.params import MATCH_PARAMS, PROXY_PARAM, match_of, milliseconds, some_milliseconds
from injectors.proxy.target import Growing


class HttpDelay(Growing):
    """Requests reach the upstream late, and those behind them on the same connection too."""

    kind = "proxy.http-delay"
    type = "http_delay"
    strength = ("delay", "share")
    ramps = frozenset({"delay", "jitter"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "delay": "Milliseconds, or a duration such as 2s; required.",
            "jitter": "Milliseconds, or a duration, by which the delay varies up and down; 0 if left out.",
            **MATCH_PARAMS,
        }
    )

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """Raises InvalidInput for one that makes no sense."""
        return {
            "delay": some_milliseconds(fault, "delay", "no request would be slow"),
            "jitter": milliseconds(fault, "jitter", 0),
            **match_of(fault),
        }
