"""Looking at the stack: probes, detection sources, alerts from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from drill.model.config import LedgerSpec, ProbeSpec
from drill.model.playbook import DetectionSource

Emit = Callable[..., Any]
"""``emit(kind, source, durable=False, **data)``: append one event to the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look of a probe or detector. Times are boot clock, ns."""

    ok: bool
    began_ns: int
    ended_ns: int
    detail: str
    token: str = ""
    """For a canary: the id of the write."""
    acknowledged: bool = False


class AlertFeed(Protocol):
    """Alerts that come from outside the harness: the stack's own alerting, through its intake."""

    async def watch(self, emit: Emit) -> None:
        """Until cancelled: emit ``alert.fired`` and ``alert.cleared`` for what arrives from now on."""
        ...

    def disagreements(self) -> Sequence[str]:
        """Where the stack's alerting rules differ from what the playbook says of them. Blocking; raises StackError."""
        ...


class Prober(Protocol):
    """Looks at a service over its published port, within the deadline; a bad answer is a sample, never an error."""

    async def probe(self, spec: ProbeSpec) -> Sample: ...
    async def check(self, source: DetectionSource) -> Sample: ...
    async def canaries(self, spec: ProbeSpec) -> Mapping[str, int] | None:
        """Every canary write that the service holds, with how often; None when it does not answer."""
        ...

    async def ledger(self, spec: LedgerSpec) -> tuple[Sequence[str], Mapping[str, int]] | None:
        """The promised writes, then what is held of them with how often; None when either does not answer."""
        ...
