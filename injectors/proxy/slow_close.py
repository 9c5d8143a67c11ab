"""A dependency lets go late: connections stay open after their end, and pools fill up."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.scenario import FaultSpec, ParamValue
from injectors.proxy.params import PROXY_PARAM, STREAM_PARAMS, some_milliseconds, stream_of
from injectors.proxy.target import Growing


class SlowClose(Growing):
    """The close of a connection is held back; all data passes at once."""

    kind = "proxy.slow-close"
    type = "slow_close"
    strength = ("delay",)
    ramps = frozenset({"delay"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "delay": "Milliseconds, or a duration such as 2s, before the close passes; required.",
            **STREAM_PARAMS,
        }
    )

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """Raises InvalidInput for one that makes no sense."""
        return {
            "delay": some_milliseconds(fault, "delay", "the close would not be late"),
            **stream_of(fault),
        }
