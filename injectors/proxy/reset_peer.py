"""A dependency breaks connections off: clients see them reset by the peer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.scenario import FaultSpec, ParamValue
from injectors.proxy.params import PROXY_PARAM, STREAM_PARAMS, milliseconds, stream_of
from injectors.proxy.target import Toxic


class ResetPeer(Toxic):
    """After the first data both sides get a TCP reset; the data is lost."""

    kind = "proxy.reset-peer"
    type = "reset_peer"
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "timeout": "Milliseconds, or a duration, from the first data to the reset; 0 if left out.",
            **STREAM_PARAMS,
        }
    )

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """Raises InvalidInput for one that makes no sense."""
        return {"timeout": milliseconds(fault, "timeout", 0), **stream_of(fault)}
