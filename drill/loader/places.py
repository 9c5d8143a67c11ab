"""Where the files are that a ``drill.yaml`` names."""

from __future__ import annotations

from pathlib import Path

from drill import shipped
from drill.model.config import Config


def is_path(playbook: str) -> bool:
    """Whether a config's ``playbook`` is a path rather than the name of a shipped one."""
    return "/" in playbook or playbook.endswith((".yaml", ".yml"))


def playbook_file(config: Config, folder: Path) -> Path:
    """The playbook of a config that stands in ``folder``. Raises InvalidInput for a name that is not shipped."""
    return folder / config.playbook if is_path(config.playbook) else shipped.playbook_path(config.playbook)


def scenarios_folder(config: Config, folder: Path) -> Path:
    """The scenarios of a config that stands in ``folder``: its own, or the shipped catalogue."""
    return folder / config.scenarios if config.scenarios else shipped.scenarios_dir()
