"""A dependency is slow: its answers come late."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.scenario import FaultSpec, ParamValue
from injectors.proxy.params import PROXY_PARAM, STREAM_PARAMS, milliseconds, some_milliseconds, stream_of
from injectors.proxy.target import Growing


class Latency(Growing):
    """What passes is delayed; no byte is lost."""

    kind = "proxy.latency"
    type = "latency"
    strength = ("latency",)
    ramps = frozenset({"latency", "jitter"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "latency": "Milliseconds, or a duration such as 2s; required.",
            "jitter": "Milliseconds, or a duration, by which the latency varies up and down; 0 if left out.",
            **STREAM_PARAMS,
        }
    )

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """Raises InvalidInput for one that makes no sense."""
        return {
            "latency": some_milliseconds(fault, "latency", "nothing would be slow"),
            "jitter": milliseconds(fault, "jitter", 0),
            **stream_of(fault),
        }
