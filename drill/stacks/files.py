"""Reading and rewriting a file inside containers."""

from __future__ import annotations

from drill.model.lease import Moment
from drill.stacks.project import Project


def read_file(project: Project, service: str, path: str) -> bytes | None:
    """Of the first replica."""
    raise NotImplementedError


def write_file(project: Project, service: str, path: str, content: bytes | None) -> Moment:
    """In every replica."""
    raise NotImplementedError
