"""A dependency talks in small pieces, as over a bad line: clients that expect whole messages stumble."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.scenario import FaultSpec, ParamValue
from injectors.proxy.params import PROXY_PARAM, STREAM_PARAMS, microseconds, stream_of, whole_number
from injectors.proxy.target import Toxic

_MOST_US = 10_000_000


class Slicer(Toxic):
    """Data is cut into pieces of about a size, spaced; no byte is lost."""

    kind = "proxy.slicer"
    type = "slicer"
    strength = ("average_size",)
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "average_size": "Bytes of a piece; required.",
            "size_variation": "Bytes by which the size varies, less than it; 0 if left out.",
            "delay": "Microseconds, or a duration such as 20ms, between two pieces; 0 if left out.",
            **STREAM_PARAMS,
        }
    )

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """Raises InvalidInput for one that makes no sense."""
        size = whole_number(fault, "average_size", None, 1, 1_000_000)
        variation = whole_number(fault, "size_variation", 0, 0, 1_000_000)
        if variation >= size:
            raise InvalidInput(f"fault {fault.id}: size_variation {variation} is not less than average_size {size}")
        delay = microseconds(fault, "delay", 0, _MOST_US)
        return {"average_size": size, "size_variation": variation, "delay": delay, **stream_of(fault)}
