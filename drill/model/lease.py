"""The undo record of one fault: plain data, on disk before the fault is applied (design rule: lease first)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from drill.model.scenario import ParamValue

Reversibility = Literal["reversible", "snapshot-restorable", "momentary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """An instant on the boot clock (ns), with its uncertainty (± ns) and the source it was read from."""

    at_ns: int
    uncertainty_ns: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StackIdentity:
    """Which stack: kind, project, endpoint and engine id (for the process stack: host boot id and nonce)."""

    kind: str
    project: str
    endpoint: str
    engine_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What a fault changes and how to put it back, by program or by hand."""

    id: str
    drill_id: str
    fault_id: str
    kind: str
    service: str
    instance: str
    reversibility: Reversibility
    stack: StackIdentity
    boot_id: str
    expires_at_ns: int
    """Boot clock, ns. On another boot (``boot_id`` differs) a lease has expired."""
    expires_utc: str
    settle_s: float
    """After a crash a call may still be under way inside the engine for this long; undo is proved again after it."""
    before: Mapping[str, ParamValue] = field(default_factory=dict)
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    manual: tuple[str, ...] = ()
    replica: int = 0
    """The replica that is hit, by its number; 0 is all of them."""
    sealed: Mapping[str, ParamValue] = field(default_factory=dict)
    """What undo needs and the journal must not hold (secrets, contents): in the lease's file only."""
