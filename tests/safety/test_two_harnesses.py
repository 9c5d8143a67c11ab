"""Two project folders, one stack: the second is refused in one line, and the first goes on as if nothing had been."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from crash_session import Run, Session
from observers import DOCKER, docker_state, until
from small_stack import small_ports, small_project

from drill.stacks.engine import engine_answers

pytestmark = [pytest.mark.engine, pytest.mark.slow]
PAIR = tuple[Session, Session]
ALIAS = Path("/run/docker.sock")
"""The same socket by another name, where /var/run is a link to /run."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PAIR]:
    """Two projects that enrol the same engine and the same Compose project; the second by both names of its socket."""
    project = f"drill-two-{os.getpid()}-{secrets.token_hex(2)}"
    answer = engine_answers()
    assert answer is not None
    grants = [f"  - {{endpoint: '{where}', id: '{answer[1]}', project: {project}}}" for where in (answer[0], _alias())]
    env = {**small_ports(), "DRILL_TEST_PROJECT": project}
    grant = "\nengines:\n" + "\n".join(grants) + "\n"
    first, second = (
        Session(small_project(tmp_path_factory.mktemp(name), project, grant), "compose", env)
        for name in ("first", "second")
    )
    up = first.drill("stack", "up", timeout_s=300)
    assert up.returncode == 0, up.stderr
    try:
        yield first, second
    finally:
        first.drill("undo")
        second.drill("undo")
        first.drill("stack", "down")


def _alias() -> str:
    return f"unix://{ALIAS}"


def refused(second: Session, *words: str, host: str = "") -> str:
    """One line, exit code 3; what it says."""
    env = {**second.env, **({"DOCKER_HOST": host} if host else {})}
    done = subprocess.run(
        [sys.executable, "-m", "drill", *words],
        cwd=second.home,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert second.leases() == []
    return line


def containers(session: Session) -> list[dict[str, object]]:
    """The state of each, by the engine's own word."""
    label = f"label=com.docker.compose.project={session.env['DRILL_TEST_PROJECT']}"
    listed = subprocess.run([DOCKER, "ps", "-aq", "--filter", label], capture_output=True, text=True, check=True)
    return [docker_state(one) for one in listed.stdout.split()]


def whole(session: Session) -> bool:
    return all(state["Running"] and not state["Paused"] for state in containers(session))


def begin(session: Session) -> Run:
    assert until(lambda: whole(session), 30)
    run = session.start("api-frozen")
    assert run.reach("fault.active")
    return run


def test_from_another_folder_everything_that_touches_the_stack_is_refused_and_the_drill_goes_on(pair: PAIR) -> None:
    first, second = pair
    run = begin(first)
    for words in (
        ("run", "api-crashed"),
        ("run", "api-crashed", "--foreground"),
        ("stack", "down"),
        ("stack", "up"),
        ("stack", "restore"),
    ):
        said = refused(second, *words)
        assert "another drill works on this stack" in said
        assert run.folder.name in said
    if ALIAS.exists():
        assert "another drill works" in refused(second, "run", "api-crashed", host=_alias())
    assert list(second.home.glob(".drill/drills/*/journal.jsonl")) == []
    code, output = run.finish()
    assert code == 0, output
    kinds = [event["kind"] for event in run.events()]
    assert not {"harness.error", "harness.lost", "fault.expired"} & set(kinds)
    assert whole(first)


def test_while_the_guard_of_the_first_alone_lives_the_second_is_refused(pair: PAIR) -> None:
    first, second = pair
    run = begin(first)
    guard = run.pids()["guard"]
    os.kill(guard, signal.SIGSTOP)  # so that it lives alone for as long as we look
    try:
        run.kill("conductor")
        assert until(lambda: "conductor" not in run.pids())
        assert "another drill works on this stack" in refused(second, "run", "api-crashed")
    finally:
        os.kill(guard, signal.SIGCONT)
    assert run.finish()[0] == 4
    assert until(lambda: run.pids() == {}, 20)
    assert run.events()[-1]["data"]["undone"] is True
    assert whole(first)


def test_faults_that_a_dead_drill_of_another_folder_left_are_no_ground_to_begin_on(pair: PAIR) -> None:
    first, second = pair
    run = begin(first)
    run.kill("guard", "conductor")
    run.finish()
    assert first.leases() != []
    said = refused(second, "run", "api-crashed")
    assert "left faults on this stack" in said
    assert str(first.home) in said
    assert first.drill("undo").returncode == 0
    assert whole(first)
