"""The loader: the only place where raw YAML exists. Everything after it is a frozen type of ``drill.model``."""

from drill.loader.files import (
    load_config,
    load_playbook,
    load_playbook_with_lines,
    load_scenario,
    problems,
    reference_problems,
)
from drill.loader.holidays import with_holidays
from drill.loader.overlay import with_smoke
from drill.loader.places import is_path, playbook_file, scenarios_folder
from drill.loader.references import check_references
from drill.loader.schema import schema

__all__ = [
    "check_references",
    "is_path",
    "load_config",
    "load_playbook",
    "load_playbook_with_lines",
    "load_scenario",
    "playbook_file",
    "problems",
    "reference_problems",
    "scenarios_folder",
    "schema",
    "with_holidays",
    "with_smoke",
]
