"""Signals at the ends of things: while results are written, and while the command that undoes is at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from crash_session import Run, Session
from observers import until

_CONDUCT = """
import os, signal
from drill.cli.project import open_project
from drill.cli.run import prepare
from drill.conductor.process import conduct

def finish(folder):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(os.getpid(), number)
    print("results are written")

conduct(prepare(open_project(), "rehearsal", "process", seed=1, smoke=True), finish)
"""


def test_a_signal_after_the_end_does_not_cut_the_writing_of_results(process_session: Session) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CONDUCT],
        cwd=process_session.home,
        env=process_session.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "results are written" in done.stdout


def _foreground(session: Session, scenario: str) -> Run:
    before = set(session.folders())
    words = [sys.executable, "-m", "drill", "run", scenario, "--stack", "process", "--seed", "1", "--foreground"]
    process = subprocess.Popen(
        words, cwd=session.home, env=session.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert until(lambda: any((f / "journal.jsonl").exists() for f in set(session.folders()) - before), 20)
    (folder,) = set(session.folders()) - before
    return Run(folder, process)


@pytest.mark.crash
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_drill_in_the_foreground_is_aborted_and_put_back(process_session: Session, name: str) -> None:
    session = process_session
    ports = session.local_ports()
    assert until(lambda: session.whole(ports), 30)
    run = _foreground(session, "api-frozen")
    assert run.reach("fault.active")
    os.kill(run.process.pid, getattr(signal, name))
    code, output = run.finish()
    expected = ("aborted", {130}) if name != "SIGHUP" else ("completed", {0, 1})
    last = run.events()[-1]["data"]
    assert (last["outcome"], last["undone"]) == (expected[0], True), output
    assert code in expected[1]
    assert until(lambda: not run.pids(), 20)
    assert session.whole(ports)
    assert session.leases() == []


_CUTS = ("SIGINT", *(pytest.param(name, marks=pytest.mark.crash) for name in ("SIGTERM", "SIGKILL")))


@pytest.mark.parametrize("name", _CUTS)
def test_an_undo_that_is_cut_itself_is_finished_by_the_next_command(process_session: Session, name: str) -> None:
    session = process_session
    ports = session.local_ports()
    assert until(lambda: session.whole(ports), 30)
    run = session.start("api-frozen")
    assert run.reach("fault.active")
    run.kill("guard", "conductor")
    run.finish()
    words = [sys.executable, "-m", "drill", "undo"]
    first = subprocess.Popen(
        words, cwd=session.home, env=session.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    run.heirs.append(first)
    assert run.reach("fault.undoing")
    first.send_signal(getattr(signal, name))
    output, _ = first.communicate(timeout=60)
    assert "Traceback" not in output
    second = session.drill("undo")
    assert second.returncode == 0, second.stderr
    assert session.whole(ports)
    assert session.leases() == []
    assert run.unreadable() == []
    assert run.events()[-1]["data"]["undone"] is True
