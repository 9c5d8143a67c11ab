"""A lease as the engine hands it to an injector's `plan`: the parts that do not depend on the fault."""

from __future__ import annotations

from drill.model.lease import Lease
from drill.ports import Injector, Stack


def draft_of(injector: Injector, stack: Stack, target: str) -> Lease:
    """For a fault `f1` of a drill that never was."""
    return Lease(
        id="L1",
        drill_id="D",
        fault_id="f1",
        kind=injector.kind,
        service=target,
        instance="",
        reversibility=injector.reversibility,
        stack=stack.identity(),
        boot_id="b",
        expires_at_ns=1,
        expires_utc="",
        settle_s=0,
    )
