"""Removing containers and making them again, as they were or with a change."""

from __future__ import annotations

from drill.model.lease import Moment
from drill.ports.containers import Remake
from drill.stacks.project import Project


def remove(project: Project, service: str) -> Moment:
    """Stop and remove every replica."""
    raise NotImplementedError


def blueprint(project: Project, service: str) -> str:
    """All that is needed to make the containers again."""
    raise NotImplementedError


def rebuild(project: Project, service: str, blueprint: str) -> Moment:
    """From any state."""
    raise NotImplementedError


def as_blueprint(project: Project, service: str, blueprint: str) -> bool:
    """Whether they are so."""
    raise NotImplementedError


def remake(project: Project, service: str, change: Remake) -> Moment:
    """Recreate every replica with the change."""
    raise NotImplementedError
