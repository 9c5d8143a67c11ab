"""A journal that cannot be written any more: the fault is undone all the same, the drill fails loudly, nothing stays.

Real disks that are full (a small tmpfs in a mount name space of its own), and a real limit on the size of a file for
one process alone. The stack's own data stands elsewhere: it must stay whole, and is looked at from outside.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from crash_session import Run, Session
from observers import until
from small_stack import small_project

PROGRAM = Path(__file__).parent / "full_disk_session.py"
SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    found = Session(small_project(tmp_path_factory.mktemp("full-disk")), "process", {})
    up = found.drill("stack", "up", "--stack", "process")
    assert up.returncode == 0, up.stderr
    try:
        yield found
    finally:
        found.drill("stack", "down", "--stack", "process")


def _may_mount() -> bool:
    trial = ["unshare", "-m", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def _full_disk(session: Session, at: str, how: str) -> dict[str, Any]:
    command = ["unshare", "-m", "--propagation", "private", sys.executable, str(PROGRAM), str(session.home)]
    done = subprocess.run(
        [*command, "api-frozen", at, how], capture_output=True, text=True, timeout=150, env=session.env, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not _may_mount(), reason="needs the right to mount a small disk of its own (root)")
@pytest.mark.parametrize(
    ("at", "how"),
    [
        ("fault.active", "go on"),
        pytest.param("guard.ready", "go on", marks=SLOW),
        pytest.param("preflight.checked", "go on", marks=SLOW),
        pytest.param("lease.written", "go on", marks=SLOW),
        pytest.param("mitigation.started", "go on", marks=SLOW),
        pytest.param("fault.active", "kill", marks=SLOW),
    ],
)
def test_a_disk_that_fills_up_in_mid_drill_leaves_a_whole_stack(session: Session, at: str, how: str) -> None:
    ports = session.local_ports()
    found = _full_disk(session, at, how)
    assert found["reached"]
    assert found["ended"]
    assert found["full"]["leases"] == []
    assert session.whole(ports)
    assert found["code"] == 4, found["errors"]
    if "drill.ended" in found["full"]["kinds"]:
        # What was left of the journal's last page was enough; but a lease never fits there.
        assert how == "kill" or "the lease cannot be written" in found["output"]
    else:
        (line,) = found["errors"].splitlines()
        assert "its journal stops before the end" in line
        assert "no fault is left" in line
    assert "Traceback" not in found["output"] + found["errors"] + found["after"]["logs"]
    code, _, _ = found["undo"]
    assert code == 0
    assert found["after"]["kinds"][-1] == "drill.ended"
    assert found["after"]["leases"] == []


def _stop_writing(run: Run, role: str) -> None:
    """From now on no byte can be added to the journal by this process, whatever space the disk has."""
    journal = run.folder / "journal.jsonl"
    resource.prlimit(run.pids()[role], resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    assert journal.stat().st_size > 1


@SLOW
def test_a_conductor_that_can_write_nothing_undoes_and_says_so(session: Session) -> None:
    ports = session.local_ports()
    run = session.start("api-frozen")
    assert run.reach("fault.active")
    _stop_writing(run, "conductor")
    code, output = run.finish()
    assert code == 4, output
    assert output.splitlines()[-1].startswith("drill: drill D-")
    assert "Traceback" not in output
    assert session.whole(ports)
    assert session.leases() == []
    again = session.drill("undo")
    assert again.returncode == 0, again.stderr
    assert run.events()[-1]["kind"] == "drill.ended"


def test_a_guard_that_can_write_nothing_undoes_all_the_same(session: Session) -> None:
    ports = session.local_ports()
    run = session.start("api-frozen")
    assert run.reach("fault.active")
    _stop_writing(run, "guard")
    run.kill("conductor")
    assert until(lambda: session.whole(ports), 5.0), "not whole 5 s after the kill"
    code, output = run.finish()
    assert code == 4, output
    assert until(lambda: run.pids() == {}, 20)
    assert session.leases() == []
    assert "Traceback" not in output + (run.folder / "guard.log").read_text()
    assert "harness.lost" not in [event["kind"] for event in run.events()]
    again = session.drill("undo")
    assert again.returncode == 0, again.stderr
    kinds = [event["kind"] for event in run.events()]
    assert (kinds.count("harness.lost"), kinds[-1]) == (1, "drill.ended")
    assert run.recording().problems == ()
