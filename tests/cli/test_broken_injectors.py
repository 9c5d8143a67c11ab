"""An injector that lies is caught by a real run; what it left is undone as soon as that is possible."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from crash_session import Session
from observers import answers
from small_stack import small_project

PLUGIN = """
from pathlib import Path
from injectors.container.kill import Kill
from injectors.container.pause import Pause


class ApplyDoesNothing(Pause):
    kind = "broken.apply"

    def apply(self, lease, stack):
        return stack.start(lease.service)


class UndoDoesNothing(Kill):
    kind = "broken.undo"

    def undo(self, lease, stack):
        if Path("{mended}").exists():
            super().undo(lease, stack)
"""

SCENARIO = """
id: {name}
title: A fault whose injector lies
story: It says that it does what it does not.
faults:
  - {{id: lie, kind: broken.{name}, target: statuspage, max_duration: 1m}}
expected: {{severity: SEV-1, detection: [uptime]}}
max_duration: 5s
blast_radius: [statuspage]
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A stack, and somebody's package with two broken fault kinds, found by entry points."""
    home = small_project(tmp_path_factory.mktemp("broken"))
    plugin = tmp_path_factory.mktemp("plugin")
    (plugin / "broken_faults.py").write_text(PLUGIN.replace("{mended}", str(home / "mended")))
    info = plugin / "broken_faults-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-faults\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[drill.injectors]\nbroken.apply = broken_faults:ApplyDoesNothing\n"
        "broken.undo = broken_faults:UndoDoesNothing\n"
    )
    for name in ("apply", "undo"):
        (home / f"{name}.yaml").write_text(SCENARIO.format(name=name))
    found = Session(home, "process", {"PYTHONPATH": str(plugin)})
    up = found.drill("stack", "up", "--stack", "process")
    assert up.returncode == 0, up.stderr
    try:
        yield found
    finally:
        found.drill("stack", "down", "--stack", "process")


def test_an_apply_that_does_nothing_ends_the_drill_with_exit_4(session: Session) -> None:
    done = session.drill("run", "apply.yaml", "--stack", "process")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "not seen active" in done.stdout
    assert session.leases() == []


def test_an_undo_that_does_nothing_is_exit_5_until_it_can_be_proved(session: Session) -> None:
    ports = session.local_ports()
    done = session.drill("run", "undo.yaml", "--stack", "process")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "NOT PROVED UNDONE" in done.stderr
    assert "by hand" in done.stderr
    assert len(session.leases()) == 1
    assert not answers(("127.0.0.1", ports["statuspage"]))
    journal = max((session.home / "drill-results").glob("*/journal.jsonl"))
    before = journal.read_bytes()

    again = session.drill("undo")
    assert again.returncode == 5
    assert "by hand" in again.stderr

    (session.home / "mended").touch()
    mended = session.drill("undo")
    assert mended.returncode == 0, mended.stderr
    assert session.leases() == []
    assert answers(("127.0.0.1", ports["statuspage"]))
    assert journal.read_bytes() == before, "a drill that has ended keeps its head"
