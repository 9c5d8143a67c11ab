"""What a conductor is told to do, on disk before it starts; the guard and `drill undo` read the same file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drill.engine.setting import Mode, Plan
from drill.errors import InvalidInput
from drill.model.codec import decode, encode
from drill.model.config import Config
from drill.model.playbook import Playbook
from drill.model.scenario import Scenario
from drill.store import DrillFolder, write_durably


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A drill to run. ``root``: folder of drill.yaml; ``state``, ``results``: where things go."""

    drill_id: str
    scenario: Scenario
    playbook: Playbook
    real_playbook: Playbook
    config: Config
    mode: str
    smoke: bool
    seed: int
    rule_set: str
    incident_number: int
    script: str
    stack_kind: str
    root: str
    state: str
    results: str
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """The part that the engine needs."""
        mode: Mode = "live" if self.mode == "live" else "scripted"
        return Plan(
            drill_id=self.drill_id,
            scenario=self.scenario,
            playbook=self.playbook,
            real_playbook=self.real_playbook,
            config=self.config,
            mode=mode,
            smoke=self.smoke,
            seed=self.seed,
            rule_set=self.rule_set,
            incident_number=self.incident_number,
            script=self.script,
            versions=self.versions,
        )

    @property
    def results_folder(self) -> Path:
        """Where this drill's results go."""
        return Path(self.results) / self.drill_id


def write_order(folder: DrillFolder, order: Order) -> None:
    """Put it on disk."""
    write_durably(folder.order, json.dumps(encode(order), sort_keys=True).encode())


def read_order(folder: DrillFolder) -> Order:
    """Read it back. Raises InvalidInput when it is not there."""
    try:
        return decode(Order, json.loads(folder.order.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise InvalidInput(f"{folder.order}: no readable order ({error}); the drill never started") from error
