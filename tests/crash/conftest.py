"""A stack that stays up while drills on it are killed."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash_session import Session

from drill import shipped
from drill.stacks.engine import engine_answers


@pytest.fixture(scope="module")
def process_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The reference stack as local processes, in a folder of its own."""
    yield from _up(Session(tmp_path_factory.mktemp("crash-process"), "process", {}))


@pytest.fixture(scope="module")
def compose_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The reference stack under Compose, as a project of its own, enrolled in its own drill.yaml."""
    home = tmp_path_factory.mktemp("crash-compose")
    project = f"drill-crash-{os.getpid()}-{secrets.token_hex(2)}"
    answer = engine_answers()
    assert answer is not None
    _write_project(home, project, *answer)
    ports = {f"DRILL_{name}_PORT": str(_free_port()) for name in ("DB", "API", "MAIL_HTTP", "MAIL_SMTP", "STATUSPAGE")}
    yield from _up(Session(home, "compose", {**ports, "DRILL_TEST_PROJECT": project}))


def _write_project(home: Path, project: str, endpoint: str, engine_id: str) -> None:
    text = shipped.reference_config().read_text()
    text = text.replace("../docker-compose.staging.yml", "docker-compose.staging.yml")
    text = text.replace("project: drill-staging", f"project: {project}")
    grant = f"\nengines:\n  - {{endpoint: '{endpoint}', id: '{engine_id}', project: {project}}}\n"
    (home / "drill.yaml").write_text(text + grant)
    compose = shipped.root() / "docker-compose.staging.yml"
    (home / compose.name).write_text(compose.read_text())


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def _up(session: Session) -> Iterator[Session]:
    up = session.drill("stack", "up", "--stack", session.kind, timeout_s=300)
    assert up.returncode == 0, up.stderr
    try:
        yield session
    finally:
        session.drill("stack", "down", "--stack", session.kind)
