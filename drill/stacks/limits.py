"""Resource limits, restart policies and life lines of containers."""

from __future__ import annotations

from collections.abc import Sequence

from drill.model.lease import Moment
from drill.ports.containers import Lifeline, Limits
from drill.stacks.project import Project


def lifelines(project: Project, service: str) -> Sequence[Lifeline]:
    """What each replica has been through."""
    raise NotImplementedError


def limits(project: Project, service: str) -> Sequence[Limits]:
    """Of each replica."""
    raise NotImplementedError


def set_limits(project: Project, service: str, wanted: Limits) -> Moment:
    """Set and read back."""
    raise NotImplementedError


def restart_policy(project: Project, service: str) -> str:
    """Of the first replica."""
    raise NotImplementedError


def set_restart_policy(project: Project, service: str, policy: str) -> Moment:
    """Set and read back."""
    raise NotImplementedError
