"""What a fault kind is, and what it may be beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports.stack import Stack


class Injector(Protocol):
    """One fault kind. Stateless: all that undo needs is in the lease."""

    kind: str
    reversibility: Reversibility
    loses_data: bool
    needs: frozenset[str]
    """Stack capabilities."""
    params: Mapping[str, str]
    """Parameter name to one line of documentation."""

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Complete the draft (before, manual, params, settle_s); touch nothing. Raises InvalidInput or Refused."""
        ...

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Apply and return the onset from the most exact source there is."""
        ...

    def active(self, lease: Lease, stack: Stack) -> bool: ...
    def undo(self, lease: Lease, stack: Stack) -> None:
        """Idempotent; touches only what the lease changed; copes with a target restarted or recreated meanwhile."""
        ...

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Proof that nothing of the fault is left and the target is as before, or as a responder made it."""
        ...


@runtime_checkable
class Ramped(Protocol):
    """What an injector has beside, when its fault can grow: the engine then raises these parameters step by step."""

    ramps: frozenset[str]
    """Parameters, whole numbers or numbers in the lease, that grow from a part to the whole."""

    def adjust(self, lease: Lease, stack: Stack) -> None:
        """Make the fault, which is active, what the lease's parameters say now."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """What an injector has beside, when its undo lets be what others wrote meanwhile (snapshot-restorable faults)."""

    def report(self, lease: Lease, stack: Stack) -> str:
        """After undo: what was left as others made it, in one line; empty when nothing was."""
        ...
