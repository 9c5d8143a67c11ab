"""Starve a service of processor time: it works, but slowly, like a host that is overbooked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.limit import Limit
from injectors.container.target import check_params

_LEAST = 0.01


class Cpu(Limit):
    """Every replica gets at most this many cores; undo gives each what it had."""

    kind = "container.cpu"
    resource = "cpus"
    params: Mapping[str, str] = MappingProxyType(
        {"cpus": "Cores that each replica may use, for example 0.05; at least 0.01; required."}
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad number of cores, a target that does not run, or as tight a limit already."""
        check_params(fault, self.params)
        return self.prepared(fault, stack, draft, _cores(fault))


def _cores(fault: FaultSpec) -> float:
    value = fault.params.get("cpus")
    if isinstance(value, bool) or not isinstance(value, int | float) or not _LEAST <= value < float("inf"):
        raise InvalidInput(
            f"fault {fault.id}: cpus {value!r} is no number of cores from {_LEAST:g} on; write 0.05, say"
        )
    return round(float(value), 3)
