"""A dependency takes connections and says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.scenario import FaultSpec, ParamValue
from injectors.proxy.params import PROXY_PARAM, STREAM_PARAMS, milliseconds, stream_of
from injectors.proxy.target import Toxic


class Timeout(Toxic):
    """Data is dropped; the connection closes after a time, or never. Undo closes those that were hit."""

    kind = "proxy.timeout"
    type = "timeout"
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "timeout": "Milliseconds, or a duration, until the connection closes; 0, never, if left out.",
            **STREAM_PARAMS,
        }
    )

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """Raises InvalidInput for one that makes no sense."""
        return {"timeout": milliseconds(fault, "timeout", 0), **stream_of(fault)}
