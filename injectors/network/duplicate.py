"""Send packets twice."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from drill.model.lease import Lease
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.network.target import Kept, percent


class Duplicate(Kept):
    """Some of the packets that leave are sent a second time. Only the kernel's netem can do it."""

    kind = "network.duplicate"
    params = MappingProxyType({"percent": "Chance that a packet is sent twice, above 0 and up to 100."})
    mechanisms = ("netem",)
    back_end = "netem"

    def read(self, fault: FaultSpec, stack: Stack) -> dict[str, ParamValue]:  # noqa: ARG002 - nothing of the stack matters
        """The chance."""
        return {"percent": percent(fault, "percent")}

    def order(self, lease: Lease, peers: Sequence[str]) -> dict[str, Any]:  # noqa: ARG002 - as above
        """A discipline."""
        return {"discipline": ["netem", "duplicate", f"{lease.params['percent']}%"]}
