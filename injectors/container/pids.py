"""Let a service make no more processes or threads: new workers and health checks fail to start."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.limit import Limit
from injectors.container.target import check_params


class Pids(Limit):
    """Every replica may have at most this many processes and threads. Those above it live on; a new one fails."""

    kind = "container.pids"
    resource = "pids"
    params: Mapping[str, str] = MappingProxyType(
        {"pids": "Processes and threads that each replica may have, at least 1; required."}
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad number, a target that does not run, or as tight a limit already."""
        check_params(fault, self.params)
        value = fault.params.get("pids")
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidInput(f"fault {fault.id}: pids {value!r} is no whole number from 1 on; write 10, say")
        return self.prepared(fault, stack, draft, value)
