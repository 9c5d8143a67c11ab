"""Real drills on the process stack: players' verbs, abort, void, Ctrl-C, a closed terminal, secrecy."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from crash_session import Run, Session
from observers import until
from small_stack import small_project


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    found = Session(small_project(tmp_path_factory.mktemp("sessions")), "process", {})
    up = found.drill("stack", "up", "--stack", "process")
    assert up.returncode == 0, up.stderr
    try:
        yield found
    finally:
        found.drill("stack", "down", "--stack", "process")


def ended_whole(session: Session, run: Run, code: int) -> str:
    """The drill ended with that code, and from outside the stack is whole."""
    found, output = run.finish()
    assert found == code, output
    assert "Traceback" not in output
    assert session.whole(session.local_ports())
    assert session.leases() == []
    assert run.events()[-1]["data"]["undone"] is True
    return output


def test_a_drill_passes_and_leaves_all_its_results(session: Session) -> None:
    run = session.start("api-crashed")
    output = ended_whole(session, run, 0)
    assert "PASSED · SMOKE · SCRIPTED" in output
    results = session.home / "drill-results" / run.folder.name
    assert {path.name for path in results.iterdir()} == {
        "journal.jsonl",
        "scorecard.json",
        "scorecard.md",
        "timeline.png",
    }
    assert json.loads((results / "scorecard.json").read_text())
    assert (results / "timeline.png").read_bytes().startswith(b"\x89PNG")


def test_until_the_first_alert_two_scenarios_look_alike_to_a_player(session: Session) -> None:
    answers = []
    for scenario in ("api-frozen", "api-crashed"):
        run = session.start(scenario)
        assert run.reach("fault.active")
        answers.append((session.drill("status", "--json").stdout, session.drill("status").stdout))
        assert "alert.fired" not in [event["kind"] for event in run.events()]
        session.drill("abort")
        run.finish()
    assert answers[0] == answers[1]


def test_abort_exits_130_with_everything_undone(session: Session) -> None:
    run = session.start("api-frozen")
    assert run.reach("alert.fired")
    assert session.drill("abort", "--reason", "lunch").returncode == 0
    ended_whole(session, run, 130)


def test_void_exits_6_and_has_no_score(session: Session) -> None:
    run = session.start("api-frozen")
    assert run.reach("fault.active")
    assert session.drill("void", "--reason", "real-incident").returncode == 0
    output = ended_whole(session, run, 6)
    assert "no score" in output


def test_the_kill_switch_ends_a_running_drill(session: Session) -> None:
    run = session.start("api-frozen")
    assert run.reach("fault.active")
    session.drill("kill-switch", "on", "--reason", "test")
    try:
        ended_whole(session, run, 7)
    finally:
        session.drill("kill-switch", "off")


@pytest.mark.parametrize("at", ["drill.started", "steady.checked", "fault.applying", "mitigation.started"])
def test_ctrl_c_aborts_and_waits_for_the_proof(session: Session, at: str) -> None:
    run = session.start("api-frozen")
    assert run.reach(at)
    run.process.send_signal(signal.SIGINT)
    ended_whole(session, run, 130)


def test_the_sigterm_of_a_cancelled_job_aborts_too(session: Session) -> None:
    run = session.start("api-frozen")
    assert run.reach("fault.active")
    run.process.send_signal(signal.SIGTERM)
    ended_whole(session, run, 130)


def test_a_closed_terminal_detaches_and_the_drill_goes_on(session: Session) -> None:
    run = session.start("api-crashed")
    assert run.reach("fault.active")
    run.process.send_signal(signal.SIGHUP)
    run.process.communicate(timeout=20)
    attached = session.drill("attach", run.folder.name)
    assert attached.returncode == 0, attached.stdout
    assert until(lambda: run.pids() == {}, 20)
    assert run.events()[-1]["data"]["outcome"] == "completed"
    assert (session.home / "drill-results" / run.folder.name / "scorecard.md").exists()


def test_people_use_the_same_verbs_beside_the_script(session: Session) -> None:
    run = session.start("api-frozen")
    assert run.reach("page.delivered")
    assert session.drill("note", "fact", "nothing was deployed", "--as", "ada").stdout.strip() == "noted"
    refused = session.drill("declare", "SEV-9", "--as", "ada")
    assert refused.returncode == 2
    assert "there are SEV-1" in refused.stderr
    run.finish()
    notes = [event["data"] for event in run.events() if event["kind"] == "note.added"]
    assert ("ada", "fact") in [(note["player"], note["type"]) for note in notes]


def test_a_second_drill_on_the_same_stack_is_refused(session: Session) -> None:
    run = session.start("api-frozen")
    assert run.reach("fault.active")
    second = session.drill("run", "api-crashed", "--stack", "process")
    assert second.returncode == 3, second.stderr
    assert "another drill" in second.stderr
    assert session.drill("stack", "down", "--stack", "process").returncode == 3
    session.drill("abort")
    ended_whole(session, run, 130)


def test_in_the_foreground_it_is_the_same_drill(session: Session) -> None:
    done = session.drill("run", "api-stopped-by-deploy", "--stack", "process", "--foreground")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dry_run_touches_nothing(session: Session) -> None:
    before = {path: os.stat(path).st_mtime_ns for path in session.folders()}
    pids = session.local_ports()
    done = session.drill("run", "api-frozen", "--stack", "process", "--dry-run")
    assert "nothing is touched" in done.stdout
    assert "container.pause on api" in done.stdout
    assert {path: os.stat(path).st_mtime_ns for path in session.folders()} == before
    assert session.local_ports() == pids
