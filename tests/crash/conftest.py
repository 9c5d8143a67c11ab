"""A stack that stays up while drills on it are killed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest
from crash_session import Session
from small_stack import small_ports, small_project

from drill.stacks.engine import engine_answers


@pytest.fixture(scope="module")
def process_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The small stack as local processes, in a folder of its own."""
    yield from _up(Session(small_project(tmp_path_factory.mktemp("crash-process")), "process", {}))


@pytest.fixture(scope="module")
def compose_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The small stack under Compose, as a project of its own, enrolled in its own drill.yaml."""
    project = f"drill-crash-{os.getpid()}-{secrets.token_hex(2)}"
    answer = engine_answers()
    assert answer is not None
    grant = f"\nengines:\n  - {{endpoint: '{answer[0]}', id: '{answer[1]}', project: {project}}}\n"
    home = small_project(tmp_path_factory.mktemp("crash-compose"), project, grant)
    yield from _up(Session(home, "compose", {**small_ports(), "DRILL_TEST_PROJECT": project}))


def _up(session: Session) -> Iterator[Session]:
    up = session.drill("stack", "up", "--stack", session.kind, timeout_s=300)
    assert up.returncode == 0, up.stderr
    try:
        yield session
    finally:
        session.drill("stack", "down", "--stack", session.kind)
