"""A thin line to a dependency: data comes, but slowly."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.scenario import FaultSpec, ParamValue
from injectors.proxy.params import PROXY_PARAM, STREAM_PARAMS, stream_of, whole_number
from injectors.proxy.target import Toxic


class Bandwidth(Toxic):
    """Data passes at no more than a rate; short messages hardly suffer."""

    kind = "proxy.bandwidth"
    type = "bandwidth"
    strength = ("rate",)
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "rate": "KB a second, for each connection; required.",
            **STREAM_PARAMS,
        }
    )

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """Raises InvalidInput for one that makes no sense."""
        return {"rate": whole_number(fault, "rate", None, 1, 1_000_000), **stream_of(fault)}
