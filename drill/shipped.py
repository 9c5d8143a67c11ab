"""What an installation carries: the scenario catalogue, the playbooks and the reference stack."""

from __future__ import annotations

import difflib
from pathlib import Path

from drill.errors import InvalidInput

_PACKAGE = Path(__file__).parent


def root() -> Path:
    """The folder with ``scenarios``, ``staging`` and the Compose file: inside a wheel, or the checkout."""
    inside = _PACKAGE / "_shipped"
    return inside if inside.is_dir() else _PACKAGE.parent


def scenarios_dir() -> Path:
    """The shipped catalogue."""
    return root() / "scenarios"


def reference_config() -> Path:
    """The reference stack's ``drill.yaml``."""
    return root() / "staging" / "drill.yaml"


def playbooks() -> list[str]:
    """Names of the shipped playbooks."""
    return sorted(path.stem for path in (_PACKAGE / "playbooks").glob("*.yaml"))


def playbook_path(name: str) -> Path:
    """The file of a shipped playbook. Raises InvalidInput for a name that is not shipped."""
    names = playbooks()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"shipped: {', '.join(names)}"
        raise InvalidInput(f"no shipped playbook is named {name!r}; {remedy}")
    return _PACKAGE / "playbooks" / f"{name}.yaml"
