"""A dependency hangs up in the middle: connections close after so many bytes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.scenario import FaultSpec, ParamValue
from injectors.proxy.params import PROXY_PARAM, STREAM_PARAMS, stream_of, whole_number
from injectors.proxy.target import Toxic


class LimitData(Toxic):
    """The first bytes of a connection pass, then it closes; the rest is lost."""

    kind = "proxy.limit-data"
    type = "limit_data"
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "bytes": "Bytes of a connection that pass; 0 is none; required.",
            **STREAM_PARAMS,
        }
    )

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """Raises InvalidInput for one that makes no sense."""
        return {"bytes": whole_number(fault, "bytes", None, 0, 1_000_000_000), **stream_of(fault)}
