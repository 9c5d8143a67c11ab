"""The project that a command works on: drill.yaml of this folder, or the shipped reference stack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from drill import registry, shipped
from drill.cli.finish import write_results
from drill.errors import InvalidInput

if TYPE_CHECKING:
    from drill.model.config import Config, EngineGrant
    from drill.model.playbook import Playbook
    from drill.model.scenario import Scenario
    from drill.ports import Stack
    from drill.store import State

CONFIG = "drill.yaml"


@dataclass(frozen=True)
class Project:
    """``root``: folder that paths of the configuration start from; ``home``: folder that state and results go to."""

    config: Config
    root: Path
    home: Path
    reference: bool

    @property
    def state(self) -> State:
        """State folder."""
        from drill.store import State

        return State(self.home / self.config.state_dir)

    @property
    def results(self) -> Path:
        """Results folder."""
        return self.home / self.config.results_dir

    def playbook(self) -> Playbook:
        """The playbook, as written. Raises InvalidInput."""
        from drill.loader import load_playbook, playbook_file

        return load_playbook(playbook_file(self.config, self.root))

    def scenario_files(self) -> list[Path]:
        """The catalogue."""
        from drill.loader import scenarios_folder

        return sorted(scenarios_folder(self.config, self.root).glob("*.yaml"))

    def scenario(self, name: str) -> Scenario:
        """A scenario of the catalogue by name, or of a file by path; checked against playbook and stack."""
        from drill.loader import check_references, load_scenario

        path = Path(name) if name.endswith((".yaml", ".yml")) else self._find(name)
        scenario = load_scenario(path)
        problems = check_references(scenario, self.playbook(), self.config, kinds_and_params())
        if problems:
            raise InvalidInput(f"{path}: {problems[0]}")
        return scenario

    def _find(self, name: str) -> Path:
        files = self.scenario_files()
        for path in files:
            if path.stem == name:
                return path
        raise InvalidInput(f"no scenario {name!r}; there are {', '.join(path.stem for path in files)}")

    def open_stack(self, kind: str = "") -> Stack:
        """The stack of that kind, or the default one."""
        from drill.stacks import open_stack

        return open_stack(self.config, kind, self.root, self.state.stack)

    def enrolled(self, grant: EngineGrant) -> Project:
        """The same project with one more engine enrolled, for this run only."""
        return replace(self, config=replace(self.config, engines=(*self.config.engines, grant)))

    def undo_orphans(self) -> None:
        """What every command does first that touches a stack."""
        from drill.conductor.takeover import undo_orphans

        undo_orphans(self.state, lambda line: click.echo(f"drill: {line}", err=True), write_results)

    def mention_orphans(self) -> None:
        """What commands do that only read: one line."""
        from drill.conductor.takeover import orphans

        if found := orphans(self.state):
            names = ", ".join(folder.id for folder in found)
            click.echo(f"drill: {names} left faults behind; `drill undo` puts everything back", err=True)


def kinds_and_params() -> dict[str, tuple[str, ...]]:
    """Fault kinds with the names of their parameters, for checking scenarios."""
    return {kind: tuple(registry.params(kind)) for kind in registry.all_kinds()}


def open_project() -> Project:
    """drill.yaml of the current folder; without one, the reference stack that ships with drill."""
    from drill.loader import load_config

    home = Path.cwd()
    own = home / CONFIG
    if own.exists():
        return Project(load_config(own), home, home, reference=False)
    reference = shipped.reference_config()
    return Project(load_config(reference), reference.parent, home, reference=True)
