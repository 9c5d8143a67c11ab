"""What a drill is given: the plan (data) and the world (ports)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from drill.engine.recorder import Recorder
from drill.model.config import Config, ProbeSpec
from drill.model.lease import Lease
from drill.model.playbook import DetectionSource, Playbook
from drill.model.scenario import Scenario
from drill.ports import AlertFeed, Flags, Injector, Prober, Runtime, Sink, Stack

Mode = Literal["scripted", "live"]


class Leases(Protocol):
    """Where leases are kept: on disk in a drill, in memory under the virtual clock."""

    def write(self, lease: Lease) -> None: ...
    def remove(self, lease: Lease) -> None: ...
    def all(self) -> list[Lease]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be drilled. ``playbook`` has the smoke overlay applied when ``smoke`` is set."""

    drill_id: str
    scenario: Scenario
    playbook: Playbook
    real_playbook: Playbook
    config: Config
    mode: Mode
    smoke: bool
    seed: int
    rule_set: str
    incident_number: int = 1
    script: str = ""
    """Which version of the script is played; empty: the scenario's own."""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def impact_probes(self) -> tuple[ProbeSpec, ...]:
        """The reference probes that tell the impact of this scenario."""
        wanted = self.scenario.probes
        return tuple(probe for probe in self.config.probes if not wanted or probe.name in wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The ports that a drill acts through."""

    runtime: Runtime
    recorder: Recorder
    stack: Stack
    injector: Callable[[str], Injector]
    prober: Prober
    flags: Flags
    sinks: Mapping[str, Sink]
    leases: Leases
    boot_id: str
    alerts: AlertFeed | None = None

    def has(self, service: str) -> bool:
        """Whether this stack runs that service at all (the process stack leaves some out)."""
        return any(spec.name == service for spec in self.stack.specs())

    def watches(self, source: DetectionSource) -> bool:
        """Whether this detection source works on this stack."""
        if source.type == "prometheus":
            return self.alerts is not None and self.has(source.via)
        return self.has(source.service)
