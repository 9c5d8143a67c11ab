"""Helper containers in name spaces of a target's."""

from __future__ import annotations

from collections.abc import Sequence

from drill.model.lease import Moment
from drill.ports.containers import Outcome, Shared
from drill.stacks.project import Project


def run_beside(
    project: Project, service: str, argv: Sequence[str], share: frozenset[Shared], timeout_s: float
) -> Sequence[Outcome]:
    """One-shot."""
    raise NotImplementedError


def start_beside(project: Project, service: str, name: str, argv: Sequence[str], share: frozenset[Shared]) -> Moment:
    """One that stays."""
    raise NotImplementedError


def beside(project: Project, name: str) -> int:
    """How many run."""
    raise NotImplementedError


def stop_beside(project: Project, name: str) -> None:
    """Remove them."""
    raise NotImplementedError
