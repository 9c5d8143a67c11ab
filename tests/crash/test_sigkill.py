"""On local processes: SIGKILL at 20 seeded points, of conductor and guard together, and with a damaged journal."""

from __future__ import annotations

import random

import pytest
from crash_session import Run, Session
from observers import until
from strikes import IN_DRILL, IN_FAULT, IN_RESPONSE, IN_UNDO, SEED, Strike

SCENARIOS = ("api-frozen", "api-crashed", "api-stopped-by-deploy")
TRANSITIONS = (*IN_DRILL, *IN_FAULT, *IN_RESPONSE, *IN_UNDO)
COUNT = 20
QUICK = (5,)
"""The point of `make test`; `make crash` takes all of them."""
UNDONE_WITHIN_S = 5.0
EXIT_HARNESS_FAILED = 4


def _points() -> list[Strike]:
    dice = random.Random(SEED)
    places = [*TRANSITIONS, *dice.choices(TRANSITIONS, k=COUNT - len(TRANSITIONS))]
    return [Strike("conductor", "SIGKILL", at, dice.choice((0, 0, 2, 5, 15, 40, 90))) for at in places]


POINTS = _points()


def _params() -> list[object]:
    return [
        pytest.param(
            number, strike, marks=[] if number in QUICK else [pytest.mark.crash], id=f"process-{number}-{strike.at}"
        )
        for number, strike in enumerate(POINTS)
    ]


@pytest.mark.parametrize(("number", "strike"), _params())
def test_a_killed_conductor_leaves_a_whole_process_stack(process_session: Session, number: int, strike: Strike) -> None:
    session = process_session
    ports = session.local_ports()
    assert set(ports) == {"api", "mail", "statuspage"}
    assert until(lambda: session.whole(ports), 30)
    run = session.start(SCENARIOS[number % len(SCENARIOS)])
    run.strike(strike)

    assert until(lambda: session.whole(ports), UNDONE_WITHIN_S), "not whole 5 s after the kill"
    code, output = run.finish()
    assert code == EXIT_HARNESS_FAILED, output
    assert "Traceback" not in output
    _check_journal(run, session)
    assert session.whole(ports), "whole at first, then broken again"
    assert session.leases() == []
    assert run.unreadable() == []


def _check_journal(run: Run, session: Session) -> None:
    """What the guard wrote; before it is up nothing was leased, and the next command ends the drill instead."""
    assert until(lambda: run.pids() == {}, 20), "the guard does not come to its end"
    kinds = [event["kind"] for event in run.events()]
    if "drill.ended" not in kinds:
        assert "lease.written" not in kinds
        ended = session.drill("undo")
        assert ended.returncode == 0, ended.stderr
        assert "undoing what it left" in ended.stderr
        kinds = [event["kind"] for event in run.events()]
    assert kinds[-1] == "drill.ended"
    assert kinds.count("harness.lost") == 1
    last = run.events()[-1]["data"]
    assert (last["outcome"], last["undone"]) == ("interrupted", True)


@pytest.mark.parametrize("at", ["fault.applied", pytest.param("mitigation.started", marks=pytest.mark.crash)])
def test_with_the_guard_killed_too_the_next_command_undoes_first(process_session: Session, at: str) -> None:
    session = process_session
    ports = session.local_ports()
    assert until(lambda: session.whole(ports), 30)
    run = session.start("api-frozen")
    assert run.reach(at)
    run.kill("guard", "conductor")
    code, output = run.finish()
    assert code == EXIT_HARNESS_FAILED, output
    assert "drill undo" in output
    assert session.leases() != []

    reading = session.drill("status")
    assert "`drill undo` puts everything back" in reading.stderr
    assert session.leases() != [], "a command that only reads has touched something"

    touching = session.drill("stack", "restore", "--stack", "process")
    assert touching.returncode == 0, touching.stderr
    assert "undoing what it left" in touching.stderr
    assert "everything is undone, proved" in touching.stderr
    assert session.whole(ports)
    assert session.leases() == []
    assert run.recording().problems == ()
    assert run.events()[-1]["data"]["undone"] is True


def test_a_damaged_journal_keeps_no_fault_from_being_undone(process_session: Session) -> None:
    session = process_session
    ports = session.local_ports()
    assert until(lambda: session.whole(ports), 30)
    run = session.start("api-frozen")
    assert run.reach("fault.active")
    run.kill("guard", "conductor")
    run.finish()
    journal = run.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"ok":true', b'"ok":null', 1))

    done = session.drill("undo")
    assert done.returncode == 0, done.stderr
    assert session.whole(ports)
    assert session.leases() == []
    assert (run.folder / "recovery-1.jsonl").exists()
    assert "nothing is left to undo" in session.drill("undo").stdout
