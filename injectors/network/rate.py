"""Limit how fast the target can send: a narrow line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.network.target import Kept
from injectors.proxy.params import word

_UNITS = {"kbit": 1_000, "mbit": 1_000_000}
# A packet at a time has to fit, and what the timer's grain lets through at once.
_LEAST_BURST, _GRAIN_S = 16_384, 0.01
_LONGEST_WAIT = "400ms"


class Rate(Kept):
    """What leaves is held until the line is free; what would wait longer than 0.4 s is lost."""

    kind = "network.rate"
    params = MappingProxyType({"rate": "Bits a second, for example 256kbit or 1mbit; at least 8kbit."})
    mechanisms = ("tbf",)
    back_end = "tbf"

    def read(self, fault: FaultSpec, stack: Stack) -> dict[str, ParamValue]:  # noqa: ARG002 - nothing of the stack matters
        """Raises InvalidInput for what is no rate."""
        text = word(fault, "rate")
        match = re.fullmatch(r"([0-9]{1,6})(kbit|mbit)", text)
        if match is None or int(match[1]) * _UNITS[match[2]] < 8_000:
            raise InvalidInput(f"fault {fault.id}: rate {text!r} is no rate such as 256kbit or 1mbit, at least 8kbit")
        return {"rate": text, "bits": int(match[1]) * _UNITS[match[2]]}

    def order(self, lease: Lease, peers: Sequence[str]) -> dict[str, Any]:  # noqa: ARG002 - as above
        """A discipline."""
        bits = int(lease.params["bits"])
        burst = max(_LEAST_BURST, int(bits / 8 * _GRAIN_S))
        return {"discipline": ["tbf", "rate", f"{bits}bit", "burst", f"{burst}b", "latency", _LONGEST_WAIT]}
