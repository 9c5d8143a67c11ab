"""Stacks that stay up while drills on them are struck."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from crash_session import Session
from reference_project import PORTS, reference_project
from reference_session import ReferenceSession
from small_stack import free_ports, small_project

from drill.stacks.engine import engine_answers


@pytest.fixture(scope="module")
def process_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The small stack as local processes, in a folder of its own."""
    session = Session(small_project(tmp_path_factory.mktemp("crash-process")), "process", {})
    up = session.drill("stack", "up", "--stack", "process")
    try:
        assert up.returncode == 0, up.stderr
        yield session
    finally:
        session.drill("stack", "down", "--stack", "process")


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceSession]:
    """The reference stack under Compose, as a project of its own on free ports: up once for all points."""
    answer = engine_answers()
    assert answer is not None
    home = tmp_path_factory.mktemp("crash-reference")
    project = reference_project(home, *answer)
    session = ReferenceSession(home, project, dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
    try:
        session.up()
        yield session
    finally:
        session.close()
